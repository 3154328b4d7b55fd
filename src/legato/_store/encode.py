r"""How values become text in the database: one verdict for both stores.

NUL becomes U+FFFD, lone surrogates are escaped as `\udcXX`, NaN and the infinities are refused
with the name of the field.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, cast

import msgspec

from legato._model.errors import InvalidRequest, Problem

MAX_TEXT = 16 * 1024 * 1024
_PLAIN_TEXT = 64 * 1024
_encoder = msgspec.json.Encoder()


def text(value: str) -> str:
    """Return text that both databases take."""
    if value.isascii() and "\0" not in value and len(value) < _PLAIN_TEXT:
        return value
    return _clean(value)


def _clean(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not text")
    if len(value) > MAX_TEXT:
        raise ValueError(f"A text of {len(value)} characters is too long")
    clean = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        clean.encode()
    except UnicodeEncodeError:
        return clean.encode("utf-8", "backslashreplace").decode()
    return clean


def bare(value: Any) -> str:
    """Encode what cannot hold a float, such as inputs and details."""
    try:
        encoded = _encoder.encode(value).decode()
    except UnicodeEncodeError:
        encoded = _encoder.encode(_cleaned(value)).decode()
    if "\\u0000" in encoded:
        encoded = _encoder.encode(_cleaned(value)).decode()
    return _within(encoded)


def json(value: Any, field: str) -> str:
    """Encode any JSON-able value; raises InvalidRequest naming `field` and the place in it."""
    try:
        encoded = bare(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _invalid([field], str(error), None) from error
    if "null" in encoded:
        _refuse_not_finite(value, [field])
    return encoded


def _within(encoded: str) -> str:
    if len(encoded) > MAX_TEXT:
        raise ValueError(f"{len(encoded)} characters of JSON are too long")
    return encoded


def _cleaned(value: Any) -> Any:
    value = msgspec.to_builtins(value)
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        pairs = cast("Iterable[tuple[Any, Any]]", value.items())
        return {_cleaned(k): _cleaned(v) for k, v in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(item) for item in cast("Iterable[Any]", value)]
    return value


def _refuse_not_finite(value: Any, path: list[str | int]) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise _invalid(path, f"{value} is not a number that JSON has", repr(value))
    for key, item in _items(value):
        _refuse_not_finite(item, [*path, key])


def _items(value: Any) -> Iterable[tuple[str | int, Any]]:
    """The values within a value, with their keys."""
    if isinstance(value, dict):
        pairs = cast("Iterable[tuple[Any, Any]]", value.items())
        return ((str(key), item) for key, item in pairs)
    if isinstance(value, list | tuple | set | frozenset):
        return enumerate(cast("Iterable[Any]", value))
    if isinstance(value, msgspec.Struct):
        return ((name, getattr(value, name)) for name in value.__struct_fields__)
    return ()


def _invalid(path: list[Any], message: str, value: str | None) -> InvalidRequest:
    where = ".".join(map(str, path))
    problem = Problem(type="value_error", loc=path, msg=message, input=value)
    return InvalidRequest(f"{where}: {message}", [problem])
