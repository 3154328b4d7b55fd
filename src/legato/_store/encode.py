"""How values become text in the database: one verdict for both stores.

NUL becomes U+FFFD, lone surrogates are escaped as `\\udcXX`, NaN and the infinities are refused
with the name of the field.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

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


def _clean(value: str) -> str:
    if type(value) is not str:
        if not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} is not text")
        value = str.__str__(value)
    if len(value) > MAX_TEXT:
        raise ValueError(f"A text of {len(value)} characters is too long")
    value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value


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
        return {_cleaned(k): _cleaned(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(item) for item in value]
    return value


def _refuse_not_finite(value: Any, path: list[str | int]) -> None:
    if isinstance(value, float):
        if not isfinite(value):
            raise _invalid(path, f"{value} is not a number that JSON has", repr(value))
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_not_finite(item, [*path, str(key)])
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            _refuse_not_finite(item, [*path, index])
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _refuse_not_finite(getattr(value, name), [*path, name])


def _invalid(path: list[Any], message: str, value: str | None) -> InvalidRequest:
    where = ".".join(map(str, path))
    problem = Problem(type="value_error", loc=path, msg=message, input=value)
    return InvalidRequest(f"{where}: {message}", [problem])
