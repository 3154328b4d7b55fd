"""Handles among the arguments of a call give way to the values that they stand for."""

from __future__ import annotations

from typing import Any, cast

from legato._model.states import State as StateRecord
from legato._sdk.states import State

_ATOMS = frozenset({int, float, str, bytes, bool, type(None), complex, range})
_CONTAINERS = (list, tuple, set, dict)
DEPTH = 8


def arguments(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with the results of states in the place of states.

    Containers are searched to a depth of 8, and only those that can hold a handle are copied.
    Raises what `State.result` raises for a state that is not Completed.
    """
    for value in args:
        if type(value) not in _ATOMS:
            args = tuple([resolved(item) for item in args])
            break
    for value in kwargs.values():
        if type(value) not in _ATOMS:
            kwargs = {name: resolved(item) for name, item in kwargs.items()}
            break
    return args, kwargs


def resolved(value: Any, depth: int = 0) -> Any:
    """Return `value` with states replaced by their results; the same object if there are none."""
    if isinstance(value, StateRecord):
        return cast("State", value).result()
    kind: Any = value.__class__
    if kind not in _CONTAINERS or not value or depth >= DEPTH:
        return value
    items = list(value.values() if kind is dict else value)
    if not any(_may_hold(held) for held in set(map(type, items))):
        return value
    found = [resolved(item, depth + 1) for item in items]
    if all(new is old for new, old in zip(found, items, strict=True)):
        return value
    if kind is dict:
        return dict(zip(value, found, strict=True))
    return cast("Any", kind)(found)


def _may_hold(kind: type) -> bool:
    return kind in _CONTAINERS or issubclass(kind, StateRecord)
