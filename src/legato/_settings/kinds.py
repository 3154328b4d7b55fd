"""What a setting's value may be: reads text or a TOML value, or says what is allowed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, Literal, TypeVar, cast

T = TypeVar("T")
S = TypeVar("S", bound=str)

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


class Kind(Generic[T]):
    """A way to read a value; `parse` raises ValueError for what is not `allowed`."""

    __slots__ = ("allowed", "parse")

    def __init__(self, allowed: str, parse: Callable[[object], T]) -> None:
        self.allowed: str = allowed
        self.parse: Callable[[object], T] = parse


def optional(kind: Kind[T]) -> Kind[T | None]:
    """Allow None, which nobody can write in a file but `temporary` can."""

    def parse(raw: object) -> T | None:
        return None if raw is None else kind.parse(raw)

    return Kind(kind.allowed, parse)


def choice(*values: S, upper: bool = False) -> Kind[S]:
    """Allow one of `values`, in upper or lower case."""

    def parse(raw: object) -> S:
        if isinstance(raw, str):
            given = raw.strip().upper() if upper else raw.strip().lower()
            for value in values:
                if given == value:
                    return value
        raise ValueError(raw)

    return Kind(f"one of {', '.join(values)}", parse)


def whole(minimum: int) -> Kind[int]:
    def parse(raw: object) -> int:
        if isinstance(raw, str):
            raw = int(raw)
        if isinstance(raw, int) and not isinstance(raw, bool) and raw >= minimum:
            return raw
        raise ValueError(raw)

    return Kind(f"a whole number, {minimum} or more", parse)


def _text(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    raise ValueError(raw)


def _flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str | int):
        word = str(raw).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise ValueError(raw)


def _seconds(raw: object) -> float:
    if isinstance(raw, str):
        raw = float(raw)
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw < float("inf"):
        return float(raw)
    raise ValueError(raw)


def _delays(raw: object) -> float | list[float]:
    if isinstance(raw, str):
        text = raw.strip()
        bracketed = text.startswith("[") and text.endswith("]")
        if not bracketed and "," not in text:
            return _seconds(text)
        raw = (text[1:-1] if bracketed else text).split(",")
    if isinstance(raw, list | tuple):
        return [_seconds(item) for item in cast("list[object]", raw)]
    return _seconds(raw)


def _names(raw: object) -> tuple[str, ...]:
    given = raw.split(",") if isinstance(raw, str) else raw
    if isinstance(given, list | tuple):
        names = cast("list[object] | tuple[object, ...]", given)
        parts = (part.strip() for one in names for part in _text(one).split(","))
        return tuple(part for part in parts if part)
    raise ValueError(raw)


def _folder(raw: object) -> str:
    """Return an absolute path; a `~` that means nothing here is left for `open_home` to see."""
    path = os.path.expanduser(os.fsdecode(cast("str | os.PathLike[str]", raw)))
    if "\0" in path:
        raise ValueError(raw)
    return path if path.startswith("~") else os.path.abspath(path)


def _url(raw: object) -> str:
    url = _text(raw).strip()
    if url.lower().startswith(("http://", "https://")) and url.partition("://")[2].strip("/"):
        return url.rstrip("/")
    raise ValueError(raw)


TEXT = Kind("text", _text)
FLAG = Kind("true or false", _flag)
SECONDS = Kind("seconds, 0 or more", _seconds)
DELAYS = Kind("seconds, 0 or more, or a list of them", _delays)
NAMES = Kind("names with commas between, or a list of them", _names)
FOLDER = Kind("a path", _folder)
URL = Kind("an address that begins with http:// or https://", _url)

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LogFormat = Literal["text", "json"]
LEVEL: Kind[Level] = choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", upper=True)
LOG_FORMAT: Kind[LogFormat] = choice("text", "json")
