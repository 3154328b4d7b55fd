"""Where settings are written: variables, `.env`, TOML files, the active profile.

Each source adds what no earlier one has said. Nothing is judged here, so that one bad line cannot
hide the rest: values stay as written, and faults of whole files are collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct, field

from legato._settings.home import profiles_path
from legato._settings.setting import Setting
from legato._settings.table import BY_ALIAS, BY_NAME, OUTSIDE_PROFILES, PREFIX, PROFILE

# LEGATO__X passes facts between Legato's own processes; LEGATO_TEST_X belongs to the test suite.
_OTHERS = ("_", "TEST_")


class Found(Struct, frozen=True):
    """A value as written, the place, and the key there."""

    raw: object
    place: str
    key: str = ""

    @property
    def source(self) -> str:
        return f"{self.key} in {self.place}" if self.key else self.place


class Findings(Struct):
    """What the sources say; `unknown` pairs a key that names no setting with its place."""

    found: dict[str, Found] = field(default_factory=dict[str, Found])
    unknown: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    faults: list[str] = field(default_factory=list[str])

    def of(self, setting: Setting[Any]) -> Found:
        return self.found.get(setting.name) or Found(setting.default, "default")

    def take(self, name: str, found: Found) -> None:
        if found.raw != "":  # an empty value is how people unset a variable that they inherit
            self.found.setdefault(name, found)


def look(environ: Mapping[str, str]) -> Findings:
    """Ask all sources, the strongest first. Files are looked for in the working directory."""
    findings = Findings()
    _take_variables(findings, environ, "the environment")
    _take_variables(findings, _dotenv(), ".env")
    _take_table(findings, _toml(findings, "legato.toml"), "legato.toml")
    tool = _toml(findings, "pyproject.toml", only_with="tool.legato").get("tool")
    if isinstance(tool, dict):
        ours = cast("dict[str, Any]", tool).get("legato", {})
        _take_table(findings, ours, "[tool.legato] of pyproject.toml")
    return findings


def look_in_profile(findings: Findings, home: str) -> None:
    """Add what the active profile of this home says."""
    path = profiles_path(home)
    document = _toml(findings, path)
    if "active" in document:
        findings.take(PROFILE.name, Found(document["active"], path, "active"))
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        findings.faults.append(f"{path} cannot be read: `profiles` is not a table.")
        return
    name = findings.of(PROFILE)
    tables = cast("dict[object, Any]", {PROFILE.default: {}, **profiles})
    if isinstance(name.raw, str) and name.raw in tables:
        place = f"the profile {name.raw!r}"
        _take_table(findings, tables[name.raw], place, but=OUTSIDE_PROFILES)
    else:
        known = ", ".join(sorted(map(str, tables)))
        findings.faults.append(
            f"There is no profile {name.raw!r} ({name.source}); there are: {known}."
        )


def settings_in(table: Mapping[str, Any]) -> Findings:
    """Return what one profile says."""
    findings = Findings()
    _take_table(findings, table, "the profile", but=OUTSIDE_PROFILES)
    return findings


def _take_variables(findings: Findings, variables: Mapping[str, str], place: str) -> None:
    ours = {k: v for k, v in variables.items() if k.startswith((PREFIX, "PREFECT_"))}
    for key, raw in ours.items():
        name = key.removeprefix(PREFIX)
        if name in BY_NAME and name != key:
            findings.take(name, Found(raw, place, key))
        elif name != key and not name.startswith(_OTHERS):
            findings.unknown.append((key, place))
    for alias, setting in BY_ALIAS.items():
        if alias in ours:
            findings.take(setting.name, Found(ours[alias], place, alias))


def _take_table(
    findings: Findings, table: object, place: str, but: frozenset[str] = frozenset()
) -> None:
    if not isinstance(table, dict):
        findings.faults.append(f"{place[:1].upper()}{place[1:]} is not a table.")
        return
    for key, raw in _flatten(cast("dict[str, Any]", table)):
        name = key.removeprefix(PREFIX)
        if name in BY_NAME and name not in but:
            findings.take(name, Found(raw, place, key))
        elif key in BY_ALIAS:
            findings.take(BY_ALIAS[key].name, Found(raw, place, key))
        elif not key.startswith("PREFECT_"):
            findings.unknown.append((key, place))


def _flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return `[logging] level = 1` as LOGGING_LEVEL: 1, as `logging_level = 1` is."""
    pairs: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = prefix + key.upper().replace("-", "_")
        if isinstance(value, dict):
            pairs.extend(_flatten(cast("dict[str, Any]", value), f"{name}_"))
        else:
            pairs.append((name, value))
    return pairs


def _dotenv() -> dict[str, str]:
    """Return the variables of `.env`, a file that other tools own and may have made."""
    try:
        with open(".env", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    variables: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            variables[name.strip()] = _unquoted(value.strip())
    return variables


def _unquoted(value: str) -> str:
    quote = value[:1]
    if quote in {"'", '"'}:
        return value[1:].partition(quote)[0]
    return value.partition(" #")[0].rstrip()


def _toml(findings: Findings, path: str, only_with: str = "") -> dict[str, Any]:
    """Return the document, empty if there is none; parse it only if it holds `only_with`."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except OSError as error:
        findings.faults.append(f"{path} cannot be read: {error.strerror}.")
        return {}
    if only_with.encode() not in content:
        return {}
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except ValueError as error:  # not TOML, or not UTF-8
        findings.faults.append(f"{path} cannot be read: {error}.")
        return {}
