"""Reads the ledger: what Legato does about every public name of Prefect.

A row is a key and a status. The keys:

    'name'                    a name without parameters, or that another module defines
    'name(a, b=1, *, c)'      Prefect's parameters and defaults; `…` is any default
    'aname(as name)'          the async twin, with the parameters of `name`
    'name: a, b'              what holds for these parameters instead; `*` is all of them
    'run list ID --limit/-l'  a command with its arguments and options
    'run list: --limit'       what holds for this option instead
    'PREFECT_X=1'             a setting and its default
    '*'                       the status of all that stands in `names`

The statuses: `same`, `differs: why`, `later`, `never: why`. A parameter that is `same` in a row of
its own is the same although the signature does not say so.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from compat.surface import Parameter

ROOT = Path(__file__).parent
PATH = ROOT / "prefect-3.8.toml"
SAME, DIFFERS, LATER, NEVER = "same", "differs", "later", "never"
_STATUS = re.compile(r"(same|later|differs|never)(?:: (\S.*))?", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"


class LedgerError(ValueError):
    """A row that cannot be read."""


class Status(NamedTuple):
    """One of the four words, and the reason for what is neither the same nor later."""

    word: str
    why: str = ""

    @property
    def exists(self) -> bool:
        """Whether Legato has what the row names."""
        return self.word in (SAME, DIFFERS)


class Row(NamedTuple):
    """A name, command or setting of Prefect."""

    key: str
    name: str
    parameters: list[Parameter] | None
    status: Status
    exceptions: dict[str, Status]


class Ledger(NamedTuple):
    """The rows by module, and what is Legato's own."""

    modules: dict[str, dict[str, Row]]
    commands: dict[str, Row]
    settings: dict[str, Row]
    additions: dict[str, dict[str, str]]


def read(path: Path = PATH) -> Ledger:
    """Return the ledger; raise LedgerError naming the row that cannot be read."""
    found = tomllib.loads(path.read_text("utf-8"))
    modules = {name: rows(name, table, named) for name, table in found["modules"].items()}
    return Ledger(
        modules=modules,
        commands=rows("commands", found["commands"], command),
        settings=rows("settings", found["settings"], setting),
        additions=found["additions"],
    )


def rows(place: str, table: dict[str, Any], parse: Any) -> dict[str, Row]:
    """Return the rows of a table by name."""
    table = dict(table)
    status = table.pop("*", None)
    for name in table.pop("names", "").split():
        if name in table:
            raise LedgerError(f"[{place}] {name!r} has a row and stands among the names too")
        table[name] = status
    found: dict[str, Row] = {}
    for key, value in table.items():
        where = f"[{place}] {key!r}"
        name, _, inner = key.partition(": ")
        if inner:
            _add_exception(found, where, name, inner, status_of(value, where))
            continue
        name, parameters = parse(key)
        if name in found:
            raise LedgerError(f"{where} stands there twice")
        found[name] = Row(key, name, parameters, status_of(value, where), {})
    return {name: _resolved(row, found) for name, row in found.items()}


def _add_exception(
    found: dict[str, Row], where: str, name: str, inner: str, status: Status
) -> None:
    if name not in found:
        raise LedgerError(f"{where} must stand below the row of {name!r}")
    for parameter in inner.split(","):
        found[name].exceptions[parameter.strip()] = status


def status_of(value: object, where: str) -> Status:
    """Return a status; raise LedgerError for another word, or one that lacks its reason."""
    matched = _STATUS.fullmatch(str(value))
    if matched is None:
        raise LedgerError(f"{where} is {value!r}, not same, later, 'differs: why' or 'never: why'")
    word, why = matched.groups()
    if word in (DIFFERS, NEVER) and not why:
        raise LedgerError(f"{where} gives no reason; write '{word}: why'")
    return Status(word, why or "")


def _resolved(row: Row, found: dict[str, Row]) -> Row:
    """Give an async twin the parameters of the sync one."""
    _, opened, inner = row.key.partition("(as ")
    if not opened:
        return row
    twin = row.name.rpartition(".")[0]
    twin = f"{twin}.{inner[:-1]}" if twin else inner[:-1]
    if twin not in found:
        raise LedgerError(f"{row.key!r} refers to {twin!r}, which has no row")
    return row._replace(parameters=found[twin].parameters)


def named(key: str) -> tuple[str, list[Parameter] | None]:
    """Return the name and the parameters of a key."""
    name, opened, inner = key.partition("(")
    if not opened or inner.startswith("as "):
        return name, None
    return name, parameters(inner[:-1])


def command(key: str) -> tuple[str, list[Parameter]]:
    """Return the name of a command, and its arguments and options."""
    words = key.split(" ")
    is_name = [word[0].islower() for word in words]
    count = is_name.index(False) if False in is_name else len(words)
    options = [Parameter(word, "option", None) for word in words[count:]]
    return " ".join(words[:count]), options


def setting(key: str) -> tuple[str, list[Parameter]]:
    """Return the name of a setting, and its default as the one parameter."""
    name, _, default = key.partition("=")
    return name, [Parameter("default", "default", default)]


def parameters(text: str) -> list[Parameter]:
    """Return the parameters that stand between the brackets of a key."""
    found: list[Parameter] = []
    kind = "both"
    for part in _split(text):
        if part == "/":
            found = [item._replace(kind="position") for item in found]
        elif part == "*":
            kind = "keyword"
        elif part.startswith("**"):
            found.append(Parameter(part[2:], "rest", None))
        elif part.startswith("*"):
            found.append(Parameter(part[1:], "more", None))
            kind = "keyword"
        else:
            name, _, default = part.partition("=")
            found.append(Parameter(name, kind, default or None))
    return found


def _split(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts: list[str] = [""]
    depth = 0
    for letter in text:
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
