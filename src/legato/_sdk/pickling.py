"""Flows and tasks travel: by name where their module can be imported, else by value.

The name of a decorated function leads to the flow or task, so pickle cannot find the bare function
by it; what stands under the name is sent in its place. cloudpickle sends what was defined in
`__main__` by value, since another process has a main module of its own.
"""

from __future__ import annotations

import sys
from typing import Any

_library: Any = None
_DERIVED = {"_signature": None, "_plan": None, "validator": None}
_OF_FUNCTION = ("fn", "__wrapped__")


def reduced(decorated: Any) -> Any:
    """Return how to pickle a flow or task, or None for the usual way."""
    place = (decorated.__module__, decorated.__qualname__)
    found = standing(*place)
    if found is None or getattr(found, "fn", None) is not decorated.fn:
        return None
    if place[0] == "__main__" and _cloudpickle_asks():
        return None
    if found is decorated:
        return standing, place
    state = {name: value for name, value in state_of(decorated).items() if name not in _OF_FUNCTION}
    return _copied, place, state


def dumps(value: Any) -> bytes:
    """Return a value as bytes for another process of ours; raises what its pickling raises."""
    blob: bytes = _cloudpickle().dumps(value)
    return blob


def loads(blob: bytes) -> Any:
    """Return the value that another process of ours has sent."""
    return _cloudpickle().loads(blob)


def _cloudpickle() -> Any:
    global _library  # noqa: PLW0603 - the import is put off until something travels
    if _library is None:
        from importlib import import_module

        _library = import_module("cloudpickle")
    return _library


def state_of(decorated: Any) -> dict[str, Any]:
    """Return the attributes without what is made from them."""
    state = dict(decorated.__dict__)
    state.update({name: value for name, value in _DERIVED.items() if name in state})
    return state


def standing(module: str, qualname: str) -> Any:
    """Return what stands under a name; imports the module where it is not loaded yet."""
    found: Any = sys.modules.get(module)
    if found is None:
        from importlib import import_module

        found = import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _copied(module: str, qualname: str) -> Any:
    """Return a copy of a flow or task, whose options are set next."""
    found: Any = standing(module, qualname)
    copy: Any = object.__new__(found.__class__)
    copy.__dict__.update(found.__dict__)
    return copy


def _cloudpickle_asks() -> bool:
    """Tell whether cloudpickle, or a copy of it in another package, is at work."""
    frame: Any = sys._getframe(3)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    file: str = frame.f_code.co_filename
    return file.endswith("cloudpickle.py")
