"""Writes settings into the active profile of profiles.toml, around what people wrote there."""

from __future__ import annotations

import os
from typing import Any

from msgspec import Struct

from legato._model.errors import SettingsError
from legato._settings import toml_text
from legato._settings.current import forget
from legato._settings.home import profiles_path, usable
from legato._settings.reading import find, gather, parse
from legato._settings.sources import Found
from legato._settings.table import HOME, OUTSIDE_PROFILES, PREFIX, PROFILE, Setting


class Place(Struct, frozen=True):
    """Where a setting was written."""

    profile: str
    path: str


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
    try:
        text = _read(place.path)
        edited = toml_text.edit(text, place.profile, keys, PREFIX + setting.name, value)
        if edited != text:
            _replace(place.path, edited)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{place.path} cannot be changed: {error}.") from None
    forget()
    return place


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
