"""Loads files with flows: as modules, and the flow that an entrypoint names."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING, Any

from legato._sdk import code
from legato._sdk.exceptions import MissingFlowError
from legato._sdk.flow import Flow

if TYPE_CHECKING:
    from types import ModuleType


AnyFlow = Flow[Any, Any]


class BrokenFile(Exception):
    """The file raised while it was imported; `__cause__` is what it raised."""


def load(path: str) -> ModuleType:
    """Run the file as a module under its own name, not `__main__`, with its folder importable."""
    path = os.path.abspath(path)
    known = name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.stdlib_module_names:
        import_module(name)  # before the folder is searched: a file json.py is not that module
    if name in sys.modules:
        name += "_flow"
    code.known_as[name] = known
    sys.path.insert(0, os.path.dirname(path))
    sys.argv = [path]
    loader = SourceFileLoader(name, path)
    spec = spec_from_loader(name, loader)
    assert spec is not None  # noqa: S101 - a loader was given
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise BrokenFile(path) from error
    return module


def load_flow(entrypoint: str) -> AnyFlow:
    """Return the flow of `FILE:FUNCTION`; raise MissingFlowError or BrokenFile."""
    path, _, function = entrypoint.rpartition(":")
    if not os.path.isfile(path):
        raise MissingFlowError(f"There is no file {path} any more, from which the run was started.")
    module = load(path)
    held: list[Any] = list(vars(module).values())
    found: list[AnyFlow] = [value for value in held if isinstance(value, Flow)]
    for flow in found:
        if getattr(flow.fn, "__name__", None) == function:
            return flow
    names = ", ".join(sorted({getattr(flow.fn, "__name__", flow.name) for flow in found}))
    raise MissingFlowError(
        f"{path} has no flow {function!r} any more. It has: {names or 'no flow at all'}."
    )
