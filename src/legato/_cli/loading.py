"""Finds a flow: loads a Python file as a module and picks the flow that is meant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeGuard

from legato._cli.exits import Misuse, nearest
from legato._sdk.flow import Flow
from legato._sdk.scripts import load

if TYPE_CHECKING:
    from types import ModuleType

AnyFlow = Flow[Any, Any]


def find_flow(target: str) -> AnyFlow:
    """Return the flow that FILE[:FLOW] means.

    Raises Misuse if there is no such file or flow, or more than one, and BrokenFile.
    """
    path, name = split(target)
    _check(path)
    module = load(path)
    return pick(flows_of(module), path, name)


def split(target: str) -> tuple[str, str | None]:
    """Return path and flow; a file whose own name has a colon is found, too."""
    path, colon, name = target.rpartition(":")
    if not colon or os.path.isfile(target) or "/" in name or os.sep in name:
        return target, None
    return path, name or None


def _check(path: str) -> None:
    if os.path.isfile(path):
        return
    if os.path.isdir(path):
        raise Misuse(f"{path} is a folder, not a Python file.")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise Misuse(f"There is no folder {folder}.")
    known = [name for name in os.listdir(folder) if name.endswith(".py")]
    hint = nearest(os.path.basename(path), known)
    raise Misuse(f"There is no file {os.path.basename(path)} in {folder}{hint}")


def flows_of(module: ModuleType) -> dict[str, AnyFlow]:
    """Return the flows by the names of their variables; those made in the file, if there are."""
    found = {key: value for key, value in vars(module).items() if _is_flow(value)}
    own = {
        key: value
        for key, value in found.items()
        if getattr(value.fn, "__module__", None) == module.__name__
    }
    return own or found


def _is_flow(value: object) -> TypeGuard[AnyFlow]:
    return isinstance(value, Flow)


def pick(flows: dict[str, AnyFlow], path: str, name: str | None) -> AnyFlow:
    """Return the only flow, or the one of that name: of variable, function or flow."""
    names = sorted({flow.name for flow in flows.values()})
    if name is None:
        fitting = list(flows.values())
    else:
        fitting = [flow for key, flow in flows.items() if name in _names(key, flow)]
    distinct = list({id(flow): flow for flow in fitting}.values())
    if len(distinct) == 1:
        return distinct[0]
    if not flows:
        raise Misuse(f"{path} has no flow; put @flow on a function.")
    if not distinct:
        known = sorted({each for key, flow in flows.items() for each in _names(key, flow)})
        listed = ", ".join(names)
        raise Misuse(f"{path} has no flow {name!r}{nearest(str(name), known)} It has: {listed}.")
    lines = "\n".join(f"  legato run {path}:{key}" for key in flows)
    raise Misuse(
        f"{path} has more than one flow{f' {name!r}' if name else ''}; say which:\n{lines}"
    )


def _names(variable: str, flow: AnyFlow) -> set[str]:
    return {variable, flow.name, getattr(flow.fn, "__name__", variable)}
