"""Compares the ledger with the Legato that is there; each fault is one sentence."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from compat.ledger import DIFFERS, LATER, NEVER, SAME, Ledger, Row
from compat.surface import ANY, Parameter, parameters

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "legato"
ABSENT = object()
_BY_POSITION = ("position", "both")


def faults(ledger: Ledger) -> Iterator[str]:
    """Yield all that is not true."""
    yield from name_faults(ledger)
    yield from unlisted(ledger)
    yield from stale_additions(ledger)
    yield from command_faults(ledger)
    yield from setting_faults(ledger)


# ---- names --------------------------------------------------------------------------------------


def name_faults(ledger: Ledger) -> Iterator[str]:
    """Yield what the rows of the modules say wrongly."""
    for module, table in ledger.modules.items():
        own = ledger.additions.get(module, {})
        for row in table.values():
            where = f"{dotted(module)}: {row.key}"
            found = lookup(module, row.name)
            for fault in row_faults(row, found, own):
                yield f"{where}: {fault}"


def row_faults(row: Row, found: object, own: dict[str, str]) -> Iterator[str]:
    if found is ABSENT:
        if row.status.exists:
            yield f"is marked {row.status.word!r} but cannot be imported"
        return
    if not row.status.exists:
        yield f"is marked {row.status.word!r} but exists; mark it 'same' or 'differs: why'"
    if row.parameters is not None:
        ours = parameters(found)
        yield from parameter_faults(row, row.parameters, ours, own)


def parameter_faults(
    row: Row, theirs: list[Parameter], ours: list[Parameter] | None, own: dict[str, str]
) -> Iterator[str]:
    """Yield what differs between the two lists of parameters, but for what the row says."""
    if ours is None:
        if row.status.word == SAME:
            yield "has parameters there and none here"
        return
    troubles = differences(theirs, ours)
    for name in [item.name for item in theirs]:
        yield from _judged(row, name, troubles.get(name))
    known = {item.name for item in theirs}
    allowed = own_parameters(row.name, own)
    for item in ours if "*" not in row.exceptions else ():
        added = item.name not in known and item.kind not in ("more", "rest")
        if added and item.name not in allowed:
            yield f"has a parameter {item.name!r} of its own that is not in the additions"
    for name in row.exceptions:
        if name != "*" and name not in known:
            yield f"has a row for {name!r}, which is no parameter of it"


def own_parameters(name: str, own: dict[str, str]) -> set[str]:
    """Return the parameters that the additions give to a name."""
    lists = [key.partition(": ")[2] for key in own if key.startswith(f"{name}: ")]
    return {item.strip() for text in lists for item in text.split(",")}


def _judged(row: Row, name: str, trouble: str | None) -> Iterator[str]:
    status = row.exceptions.get(name)
    if status is None:
        if trouble and "*" not in row.exceptions:
            yield f"the parameter {name!r} {trouble}"
    elif status.word == SAME:
        if trouble == "is missing":
            yield f"the parameter {name!r} is marked 'same' but is missing"
    elif trouble is None:
        yield f"the parameter {name!r} is marked {status.word!r} but is the same"
    elif status.word in (LATER, NEVER) and trouble != "is missing":
        yield f"the parameter {name!r} is marked {status.word!r} but exists; it {trouble}"
    elif status.word == DIFFERS and trouble == "is missing":
        yield f"the parameter {name!r} is marked 'differs' but is missing"


def differences(theirs: list[Parameter], ours: list[Parameter]) -> dict[str, str]:
    """Return what is different of each of Prefect's parameters that is not the same."""
    by_name = {item.name: item for item in ours}
    kinds = {item.kind for item in ours}
    found: dict[str, str] = {}
    for place, item in enumerate(theirs):
        if item.kind in ("more", "rest"):
            if item.kind not in kinds:
                found[item.name] = "is missing"
        elif item.name not in by_name:
            found[item.name] = "is taken by ** only" if "rest" in kinds else "is missing"
        elif trouble := _difference(item, by_name[item.name], place, ours):
            found[item.name] = trouble
    return found


def _difference(theirs: Parameter, ours: Parameter, place: int, all_ours: list[Parameter]) -> str:
    if theirs.kind in _BY_POSITION:
        if ours.kind not in _BY_POSITION:
            return "is taken by keyword only"
        if all_ours.index(ours) != place:
            return "has another place"
    if theirs.kind != "position" and ours.kind == "position":
        return "is taken by position only"
    if theirs.default is not None and not same_default(theirs.default, ours.default):
        return f"has the default {ours.default}, not {theirs.default}"
    return ""


def same_default(theirs: str, ours: str | None) -> bool:
    """Compare two defaults; numbers by value, and `…` is like any."""
    if ANY in (theirs, ours):
        return True
    try:
        return float(theirs) == float(ours or "")
    except ValueError:
        return theirs.strip("'") == (ours or "").strip("'")


def unlisted(ledger: Ledger) -> Iterator[str]:
    """Yield the public names of Legato that are neither in the ledger nor in the additions."""
    for module in public_modules():
        known = ledger.modules.get(module, {}).keys() | ledger.additions.get(module, {}).keys()
        holder = imported(module)
        for name in getattr(holder, "__all__", ()):
            if name not in known and not isinstance(getattr(holder, name), ModuleType):
                yield f"{dotted(module)}: {name} is neither in a row nor in the additions"


def stale_additions(ledger: Ledger) -> Iterator[str]:
    """Yield additions that do not exist, say nothing, or are names of Prefect."""
    for module, table in ledger.additions.items():
        for key, why in table.items():
            name = key.partition(": ")[0]
            where = f"{dotted(module)}: the addition {key!r}"
            if not why.strip():
                yield f"{where} does not say what it is"
            found = lookup(module, name)
            given = (
                {item.name for item in parameters(found) or ()} if found is not ABSENT else set()
            )
            if found is ABSENT or own_parameters(name, {key: why}) - given:
                yield f"{where} does not exist"
            elif key in ledger.modules.get(module, {}):
                yield f"{where} is a name of Prefect"


def public_modules() -> list[str]:
    """Return the public modules of Legato, as paths below the package; itself is ``."""
    found: list[str] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            found.append(".".join(parts))
    return found


def dotted(module: str) -> str:
    return f"legato.{module}".rstrip(".")


def imported(module: str) -> ModuleType | None:
    """Return a module of Legato, or None if there is none of that name."""
    try:
        return importlib.import_module(dotted(module))
    except ModuleNotFoundError as error:
        if error.name and dotted(module).startswith(error.name):
            return None
        raise


def lookup(module: str, name: str) -> Any:
    """Return what Legato has under Prefect's module and name, or ABSENT."""
    holder = imported(module)
    first, _, member = name.partition(".")
    if holder is None or not hasattr(holder, first):
        return ABSENT
    found = getattr(holder, first)
    if isinstance(found, ModuleType) and first not in getattr(holder, "__all__", ()):
        return ABSENT
    if not member:
        return found
    if not hasattr(found, member):
        return ABSENT
    return inspect.getattr_static(found, member)


# ---- commands and settings ----------------------------------------------------------------------


def command_faults(ledger: Ledger) -> Iterator[str]:
    """Yield what the rows of the command line say wrongly."""
    from legato._cli.main import root

    for row in ledger.commands.values():
        options = command_options(root, row.name)
        if options is None and row.status.exists:
            yield f"{row.key}: is marked {row.status.word!r} but there is no such command"
        elif options is not None and not row.status.exists:
            yield f"{row.key}: is marked {row.status.word!r} but exists"
        elif options is not None:
            for fault in option_faults(row, options):
                yield f"{row.key}: {fault}"


def option_faults(row: Row, options: set[str]) -> Iterator[str]:
    for item in row.parameters or ():
        spellings = item.name.split("/")
        has = all(word in options or not word.startswith("-") for word in spellings)
        status = row.exceptions.get(item.name)
        if not has and (status is None or status.word == SAME):
            yield f"the option {item.name} is missing"
        elif status is not None and status.word in (LATER, NEVER) and has:
            yield f"the option {item.name} is marked {status.word!r} but exists"
    known = {item.name for item in row.parameters or ()}
    for name in row.exceptions:
        if name not in known:
            yield f"has a row for {name}, which is no option of it"


def command_options(group: Any, name: str) -> set[str] | None:
    """Return all spellings of the options of one of our commands, or None if there is none."""
    import click

    found: Any = group
    for word in name.split(" ") if name != "prefect" else ():
        if not isinstance(found, click.Group):
            return None
        found = found.get_command(click.Context(found), word)
    if found is None:
        return None
    return {text for item in found.params for text in (*item.opts, *item.secondary_opts)}


def setting_faults(ledger: Ledger) -> Iterator[str]:
    """Yield what the rows of the settings say wrongly."""
    from legato._settings.table import BY_ALIAS

    for row in ledger.settings.values():
        ours = BY_ALIAS.get(row.name)
        default = (row.parameters or [])[0].default or ""
        if ours is None and row.status.exists:
            yield f"{row.name}: is marked {row.status.word!r} but Legato does not read it"
        elif ours is not None and not row.status.exists:
            yield f"{row.name}: is marked {row.status.word!r} but Legato reads it"
        elif (
            ours is not None
            and row.status.word == SAME
            and not same_default(default, str(ours.default))
        ):
            yield f"{row.name}: the default is {ours.default!r}, not {default}"
