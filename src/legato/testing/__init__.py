"""Tools for tests of flows: a home that is thrown away, and a clock that need not be waited for.

>>> from legato import flow
>>> from legato.testing import harness
>>> @flow
... def add(a: int, b: int) -> int:
...     return a + b
>>> with harness():
...     add(1, 2)
3
>>> add.fn(1, 2)  # the bare function, recorded nowhere
3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from legato.testing._clock import VirtualClock, virtual_clock
    from legato.testing._harness import Harness, harness, prefect_test_harness

__all__ = ["Harness", "VirtualClock", "harness", "prefect_test_harness", "virtual_clock"]

# pytest imports this package at every start, with or without a flow to test
_MODULES = {
    "Harness": "harness",
    "VirtualClock": "clock",
    "harness": "harness",
    "prefect_test_harness": "harness",
    "virtual_clock": "clock",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'legato.testing' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"legato.testing._{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
