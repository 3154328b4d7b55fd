"""Values as the API's JSON has them: as msgspec writes them, but durations as seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

import msgspec
from msgspec import Struct


def jsonable(value: Any) -> Any:
    """Return a value as what JSON has; what has no such form becomes text."""
    return _in_seconds(_plain(value))


def jsonable_with(value: Struct, durations: Iterable[str]) -> dict[str, Any]:
    """Return a struct as `jsonable` does, sooner: `durations` are all fields that hold some."""
    plain: dict[str, Any] = _plain(value)
    for name in durations:
        plain[name] = plain[name].total_seconds()
    return plain


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(timedelta,), str_keys=True, enc_hook=str)


def encoded(value: Any) -> bytes:
    """Return a value as JSON."""
    return msgspec.json.encode(jsonable(value))


def _in_seconds(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {key: _in_seconds(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_in_seconds(item) for item in cast("list[Any]", value)]
    return value
