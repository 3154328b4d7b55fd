"""`Task.map`: one call for each item of the iterables among the arguments."""

from __future__ import annotations

from collections.abc import Iterator
from io import IOBase
from typing import TYPE_CHECKING, Any

from legato._model.states import State as StateRecord
from legato._sdk.advice import advised
from legato._sdk.annotations import Annotation, allow_failure, quote, unmapped
from legato._sdk.exceptions import MappingLengthMismatch, MappingMissingIterable
from legato._sdk.futures import Future, FutureList
from legato._sdk.resolving import listed, resolved

if TYPE_CHECKING:
    from legato._sdk.children import Children
    from legato._sdk.task import Task

_UNMAPPED: Any = unmapped
_WRAPPERS: Any = (allow_failure, quote)
Call = tuple[tuple[Any, ...], dict[str, Any]]


def mapped(
    children: Children,
    task: Task[Any, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wait_for: Any,
) -> FutureList[Any]:
    """Submit the calls that a map makes."""
    first = (task.receiver,) if task.ismethod else ()
    task.signature.bind(first + args, kwargs)  # a call that does not fit is no matter of lengths
    waits = None if wait_for is None else listed(wait_for)
    return FutureList(
        [
            children.submit(task, first + given, named, waits)
            for given, named in calls(task, args, kwargs)
        ]
    )


def calls(task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Call]:
    """Return the arguments of each call that a map makes.

    Strings, bytes and open files are values, not iterables; a dict is mapped over its keys. A
    future among the arguments is waited for, to know how many items it has; so has a state.
    """
    given = {**dict(zip(_names(task, len(args)), args, strict=True)), **kwargs}
    columns = {name: _column(value) for name, value in given.items()}
    count = _count(columns)
    positional = [columns[name] for name in list(given)[: len(args)]]
    named = {name: columns[name] for name in kwargs}
    for index in range(count):
        yield (
            tuple([column.at(index) for column in positional]),
            {name: column.at(index) for name, column in named.items()},
        )


class _Column:
    """The items that one parameter takes in turn, or one value for all calls."""

    __slots__ = ("items", "value", "wrapper")

    def __init__(
        self, items: list[Any] | None, value: Any, wrapper: Annotation[Any] | None
    ) -> None:
        self.items, self.value, self.wrapper = items, value, wrapper

    def at(self, index: int) -> Any:
        if self.items is None:
            return self.value
        item = self.items[index]
        return item if self.wrapper is None else self.wrapper.rewrap(item)


def _column(value: Any) -> _Column:
    if isinstance(value, _UNMAPPED):
        return _Column(None, value.value, None)
    if isinstance(value, Future | StateRecord):
        value = resolved(value)
    wrapper: Annotation[Any] | None = value if isinstance(value, _WRAPPERS) else None
    inner: Any = value if wrapper is None else wrapper.value
    if isinstance(inner, str | bytes | bytearray | IOBase | Future) or not _iterable(inner):
        return _Column(None, value, None)
    return _Column(list(inner), None, wrapper)


def _iterable(value: Any) -> bool:
    if isinstance(value, type) or not hasattr(value, "__iter__"):
        return False
    try:
        iter(value)
    except TypeError:  # a numpy array without dimensions
        return False
    return True


def _names(task: Task[Any, Any], count: int) -> list[str]:
    """Return names for positional arguments; the surplus of `*args` has numbers."""
    names = list(task.signature.names)
    if task.ismethod:
        names = names[1:]
    known = names[:count]
    return known + [f"{len(known) + number}" for number in range(count - len(known))]


def _count(columns: dict[str, _Column]) -> int:
    lengths = {
        name: len(column.items) for name, column in columns.items() if column.items is not None
    }
    if not lengths:
        error = MappingMissingIterable(
            "No iterable parameters were received. Parameters for map must include at least one "
            f"iterable. Parameters: {list(columns)}"
        )
        way_out = "Give a list to map over, such as map([...]); text and bytes are one value."
        raise advised(error, way_out)
    if len(set(lengths.values())) > 1:
        mismatch = MappingLengthMismatch(
            "Received iterable parameters with different lengths. Parameters for map must all be "
            f"the same length. Got lengths: {lengths}"
        )
        way_out = "What every call is to get as a whole goes into unmapped(...)."
        raise advised(mismatch, way_out)
    return next(iter(lengths.values()))
