"""What `legato config view` shows: every setting, its value and who said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from legato._model.errors import SettingsError
from legato._settings.current import overlay
from legato._settings.reading import gather, parse
from legato._settings.setting import Setting
from legato._settings.sources import Findings, settings_in
from legato._settings.table import HIDDEN, SETTINGS


def explain() -> list[tuple[str, str, str]]:
    """Return (name, value, source) of every setting. Secrets are hidden; bad values say so."""
    findings = gather()
    return [(setting.name, *_explain(setting, findings)) for setting in SETTINGS]


def masked() -> dict[str, Any]:
    """Return the value of every setting as text, those of a server below `server`."""
    found: dict[str, Any] = {"server": {}}
    for name, value, _ in explain():
        group, rest = found, name.lower()
        if rest.startswith("server_"):
            group, rest = found["server"], rest.removeprefix("server_")
        group[rest] = value
    return found


def written(table: Mapping[str, Any]) -> dict[str, str]:
    """Return what a profile says as people wrote it, by the names of settings."""
    findings = settings_in(table)
    found = {setting.name: show(setting, findings.of(setting).raw) for setting in SETTINGS}
    return {name: text for name, text in found.items() if name in findings.found}


def _explain(setting: Setting[Any], findings: Findings) -> tuple[str, str]:
    found = findings.of(setting)
    above = overlay()
    try:
        value = parse(setting, found)
    except SettingsError:
        shown = HIDDEN if setting.secret else str(found.raw)
        return shown, f"{found.source}; bad, allowed: {setting.kind.allowed}"
    if above is not None and setting.of(above) != value:
        return show(setting, setting.of(above)), "temporary settings"
    return show(setting, value), found.source


def show(setting: Setting[Any], value: object) -> str:
    """Return a value as people write it, with what is secret hidden."""
    if value is None:
        return ""
    if setting.secret:
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return _without_password(str(value))


def _without_password(text: str) -> str:
    """Hide the password of an address such as https://user:password@host."""
    scheme, separator, rest = text.partition("://")
    user, at, host = rest.partition("@")
    if separator and at and ":" in user and "/" not in user:
        return f"{scheme}://{user.partition(':')[0]}:{HIDDEN}@{host}"
    return text
