"""Writes profiles, and settings into the active one: profiles.toml, around what people wrote."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, cast

from msgspec import Struct

from legato._model.errors import SettingsError
from legato._settings import toml_text
from legato._settings.current import forget
from legato._settings.home import profiles_path, usable
from legato._settings.notices import nearest
from legato._settings.reading import find, gather, parse
from legato._settings.setting import Setting
from legato._settings.sources import Found
from legato._settings.table import HOME, OUTSIDE_PROFILES, PREFIX, PROFILE


class Place(Struct, frozen=True):
    """Where a setting was written."""

    profile: str
    path: str


class Profiles(Struct, frozen=True):
    """The profiles there are, with what is written in each; `source` says why one is active."""

    path: str
    active: str
    source: str
    tables: Mapping[str, Mapping[str, Any]]

    def find(self, name: str) -> Mapping[str, Any]:
        """Return what a profile says; raise SettingsError."""
        if name in self.tables:
            return self.tables[name]
        hint = nearest(name, self.tables)
        raise SettingsError(f"There is no profile {name!r}{hint} To list them: legato profile ls")


def profiles() -> Profiles:
    """Return the profiles of the home; raise SettingsError if the file cannot be read."""
    findings = gather()
    path = profiles_path(usable(parse(HOME, findings.of(HOME))))
    try:
        found = tomllib.loads(_read(path)).get("profiles", {})
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{path} cannot be read: `profiles` is not a table.")
    tables = cast("dict[str, Any]", {PROFILE.default: {}, **found})
    named = findings.of(PROFILE)
    return Profiles(path, str(named.raw), named.source, tables)


def create(name: str, model: str | None = None) -> Place:
    """Add a profile, empty or with what another one says."""
    there = profiles()
    _is_free(there, name)
    values: Mapping[str, Any] = {} if model is None else there.find(model)
    return _change(there, name, lambda text: toml_text.add(text, name, values))


def use(name: str) -> Place:
    """Make a profile the active one."""
    there = profiles()
    there.find(name)
    return _change(there, name, lambda text: toml_text.activate(text, name))


def rename(name: str, new: str) -> Place:
    """Give a profile another name; it stays active if it is."""
    there = profiles()
    there.find(name)
    _is_free(there, new)
    if name == PROFILE.default:
        raise SettingsError(f"The profile {name!r} is always there; `create --from` copies it.")

    def renamed(text: str) -> str:
        text = toml_text.rename(text, name, new)
        return toml_text.activate(text, new) if _named_in(text) == name else text

    return _change(there, new, renamed)


def delete(name: str) -> Place:
    """Remove a profile that is not the active one."""
    there = profiles()
    there.find(name)
    if name == PROFILE.default:
        raise SettingsError(f"The profile {name!r} is always there; `config unset` empties it.")
    if name == there.active:
        raise SettingsError(
            f"The profile {name!r} is active ({there.source}); make another one active first:"
            " legato profile use NAME"
        )

    def removed(text: str) -> str:
        text = toml_text.remove(text, name)
        return toml_text.activate(text, None) if _named_in(text) == name else text

    return _change(there, name, removed)


def _is_free(there: Profiles, name: str) -> None:
    if not name.strip() or not name.isprintable():
        raise SettingsError(f"{name!r} is no name for a profile: it must be text on one line.")
    if name in there.tables:
        raise SettingsError(f"There is a profile {name!r} already in {there.path}.")


def _named_in(text: str) -> object:
    return tomllib.loads(text).get("active")


def _change(there: Profiles, name: str, change: Callable[[str], str]) -> Place:
    _rewrite(there.path, change)
    return Place(name, there.path)


def write(key: Setting[Any] | str, value: object, home: str | None = None) -> Place:
    """Write a value into the active profile of the home (that of the settings, if not given).

    Raises:
        SettingsError: There is no such setting, or it cannot have this value.
    """
    setting = _writable(key)
    parsed = parse(setting, Found(value, "the value given"))
    if parsed is None or value == "":
        raise SettingsError(f"The setting {setting.name} cannot be empty; unset it instead.")
    return _edit(setting, parsed, home)


def unset(key: Setting[Any] | str, home: str | None = None) -> Place:
    """Take a value out of the active profile, if it is there."""
    return _edit(_writable(key), None, home)


def _writable(key: Setting[Any] | str) -> Setting[Any]:
    setting = find(key)
    if setting.name in OUTSIDE_PROFILES:
        raise SettingsError(
            f"{setting.name} says where profiles are found, so none can hold it; "
            f"use the environment variable {PREFIX}{setting.name}."
        )
    return setting


def _edit(setting: Setting[Any], value: object, home: str | None) -> Place:
    findings = gather()
    root = usable(home or parse(HOME, findings.of(HOME)))
    place = Place(str(findings.of(PROFILE).raw), profiles_path(root))
    keys = {setting.name, PREFIX + setting.name, *setting.aliases}
    key = PREFIX + setting.name
    _rewrite(place.path, lambda text: toml_text.edit(text, place.profile, keys, key, value))
    return place


def _rewrite(path: str, change: Callable[[str], str]) -> None:
    try:
        text = _read(path)
        edited = change(text)
        if edited != text:
            _replace(path, edited)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be changed: {error}.") from None
    forget()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _replace(path: str, text: str) -> None:
    """Write the file in one step, readable by its owner only: it may hold keys."""
    new = f"{path}.{os.getpid()}.new"
    with open(
        os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
