"""What can be known of the code before a run is done again: which tasks are not there any more."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from legato._sdk import code
from legato._sdk.decorated import Decorated
from legato._sdk.signature import underlying

if TYPE_CHECKING:
    from collections.abc import Iterable

    from legato._sdk.flow import Flow

Names = dict[str, Any]


def vanished(functions: Iterable[str], flow: Flow[Any, Any]) -> list[str]:
    """Return those of the functions, named `module.function`, that their modules lack now.

    What cannot be known, such as functions within functions, counts as being there.
    """
    modules = _modules(flow)
    return [one for one in functions if "<" not in one and _is_gone(one, modules)]


def tasks_beside(flow: Flow[Any, Any]) -> list[str]:
    """Return the names of the tasks and flows that the code of a flow sees."""
    return sorted({one.rpartition(".")[2] for one in _decorated(_seen_by(flow))})


def _seen_by(flow: Flow[Any, Any]) -> Names:
    function = underlying(flow.fn)
    return {} if function is None else function.__globals__


def _modules(flow: Flow[Any, Any]) -> dict[str, Names]:
    """Return what is in the loaded modules, by their names in step keys."""
    found: dict[str, Names] = {}
    for name, module in list(sys.modules.items()):
        found[name] = getattr(module, "__dict__", {})
    found.update({known: found[name] for name, known in code.known_as.items() if name in found})
    function = underlying(flow.fn)
    if function is not None:
        place = code.step_name(function, "", None)
        found[place[: -len(function.__qualname__) - 1]] = function.__globals__
    return found


def _is_gone(function: str, modules: dict[str, Names]) -> bool:
    module, qualified = function, ""
    while module not in modules:
        module, dot, last = module.rpartition(".")
        if not dot:
            return not _has_module(function.partition(".")[0])
        qualified = f"{last}.{qualified}" if qualified else last
    if not qualified or function in _decorated(modules[module]):
        return False
    first, *rest = qualified.split(".")
    found: Any = modules[module].get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found is None and not _has_module(f"{module}.{first}")


def _decorated(names: Names) -> set[str]:
    """Return the places of the functions that the tasks and flows among the names were made of."""
    held: list[Decorated[..., Any]]
    held = [value for value in list(names.values()) if isinstance(value, Decorated)]
    return {code.step_name(value.fn, "", None) for value in held}


def _has_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False
