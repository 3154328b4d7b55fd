"""How an argument is to be taken: `unmapped`, `allow_failure`, `quote`, `opaque`."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Annotation(Generic[T]):
    """A value with a word on how the call is to take it."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value

    def unwrap(self) -> T:
        """Return the value."""
        return self.value

    def rewrap(self, value: T) -> Annotation[T]:
        """Return the same annotation around another value."""
        return type(self)(value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self), self.value))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {type(self.value).__name__}>"


class unmapped(Annotation[T]):  # noqa: N801 - read as a word in a call
    """Pass a value as it is to every call that `map` makes.

    >>> from legato import flow, task, unmapped
    >>> @task
    ... def total(factor: int, numbers: list[int]) -> int:
    ...     return factor * sum(numbers)
    >>> @flow
    ... def totals() -> list[int]:
    ...     return total.map([1, 2], unmapped([10, 20])).result()
    >>> totals()
    [30, 60]
    """


class allow_failure(Annotation[T]):  # noqa: N801 - read as a word in a call
    """Let a task start although the run behind this argument did not complete.

    The task is given what the run returned, or the exception that it ended with.
    """


class quote(Annotation[T]):  # noqa: N801 - read as a word in a call
    """Pass a value as it is, without a search for futures and states inside."""

    def unquote(self) -> T:
        """Return the value."""
        return self.value


class opaque(Annotation[T]):  # noqa: N801 - read as a word in a call
    """Put the value of a future in its place, without a search inside of it."""
