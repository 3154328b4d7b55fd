"""Turns what the sources say into settings, or into one error that names every fault."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from legato._model.errors import SettingsError
from legato._settings.current import current
from legato._settings.notices import nearest, warn_once
from legato._settings.setting import Setting
from legato._settings.sources import Findings, Found, look, look_in_profile
from legato._settings.table import BY_ALIAS, BY_NAME, HIDDEN, HOME, PREFIX, SETTINGS, Settings


def find(key: Setting[Any] | str) -> Setting[Any]:
    """Return the setting of this name, in any case and with or without its prefix.

    Raises:
        SettingsError: There is none; the message names the nearest one.
    """
    if isinstance(key, Setting):
        return key
    name = key.strip().upper().replace(".", "_").replace("-", "_")
    setting = BY_NAME.get(name.removeprefix(PREFIX)) or BY_ALIAS.get(name)
    if setting is None:
        raise SettingsError(f"There is no setting {key}{_hint(name)}")
    return setting


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings, or raise one error that names all faults."""
    findings = gather(environ)
    faults = list(findings.faults)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.field] = parse(setting, findings.of(setting))
        except SettingsError as error:
            faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(faults))
    _remark(findings)
    return Settings(**values)


def gather(environ: Mapping[str, str] = os.environ) -> Findings:
    """Ask all sources; the profile last, for the others say in which home it is."""
    findings = look(environ)
    try:
        home = parse(HOME, findings.of(HOME))
    except SettingsError:
        return findings  # said when the value is read
    look_in_profile(findings, home)
    return findings


def is_prefects(setting: Setting[Any]) -> bool:
    """Tell whether only a variable of Prefect says what a setting is."""
    found = gather().of(setting)
    return found.key in BY_ALIAS and setting.of(current()) == parse(setting, found)


def parse(setting: Setting[Any], found: Found) -> Any:
    """Return the value, or raise an error that says what is wrong, where, and what would do."""
    try:
        return setting.kind.parse(found.raw)
    except (TypeError, ValueError, ArithmeticError, OSError):
        shown = HIDDEN if setting.secret else repr(found.raw)
        raise SettingsError(
            f"The setting {setting.name} cannot be {shown} ({found.source}); "
            f"allowed: {setting.kind.allowed}."
        ) from None


def _remark(findings: Findings) -> None:
    for key, place in findings.unknown:
        warn_once(f"{key} in {place} is not a setting{_hint(key)}")
    taken = [found.source for found in findings.found.values() if found.key in BY_ALIAS]
    if taken:
        import logging

        logging.getLogger("legato.settings").debug("Prefect's settings hold: %s", ", ".join(taken))


def _hint(key: str) -> str:
    prefix = PREFIX if key.startswith(PREFIX) else ""
    return nearest(key, [prefix + name for name in BY_NAME])
