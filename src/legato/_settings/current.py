"""The settings that hold: read once, at first use, and overlaid within a context."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from msgspec.structs import replace

from legato._settings.setting import Setting
from legato._settings.table import Settings

_overlay: ContextVar[Settings | None] = ContextVar("legato_settings", default=None)
_read: list[Settings] = []  # at most one matters


def current() -> Settings:
    """Return the settings that hold here.

    Raises:
        SettingsError: Values are bad; the message names all that are.
    """
    found = _overlay.get()
    if found is not None:
        return found
    if not _read:
        from legato._settings.reading import read

        _read.append(read())
    return _read[0]


def forget() -> None:
    """Read again at the next use."""
    _read.clear()


@contextmanager
def temporary(
    updates: Mapping[Setting[Any] | str, object] | None = None,
    restore: Iterable[Setting[Any] | str] = (),
) -> Generator[Settings]:
    """Let `updates` hold within a block, and the defaults of what `restore` names."""
    from legato._settings.reading import find, parse
    from legato._settings.sources import Found

    given: list[tuple[Setting[Any], object]] = [(row, row.default) for row in map(find, restore)]
    given += [(find(key), value) for key, value in (updates or {}).items()]
    place = "temporary settings"
    values = {row.field: parse(row, Found(value, place)) for row, value in given}
    token = _overlay.set(replace(current(), **values))
    try:
        yield current()
    finally:
        _overlay.reset(token)


@contextmanager
def everywhere(settings: Settings) -> Generator[None]:
    """Let `settings` hold in the whole process within a block, whatever was read or overlaid."""
    before = list(_read)
    token = _overlay.set(settings) if _overlay.get() is not None else None
    _read[:] = [settings]
    try:
        yield
    finally:
        _read[:] = before
        if token is not None:
            _overlay.reset(token)


def overlay() -> Settings | None:
    """Return what `temporary` says here, if it says anything."""
    return _overlay.get()
