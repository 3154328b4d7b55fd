"""What an execution needs of the outside: journal, clock, ids and random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from legato._backend.port import Asend, Backend
    from legato._model.ports import Ids

_current: object = None
_ids: Ids | None = None


def backend() -> Backend:
    """Return the backend of this process; opens it at the first call."""
    global _current  # noqa: PLW0603 - the import is put off until a run needs it
    if _current is None:
        from legato._backend.current import current

        _current = current
    return _current()  # type: ignore[operator, no-any-return]


def asend() -> Asend | None:
    """Return how to carry out an operation on an event loop; None: on a thread."""
    if _current is None:
        return None
    from legato._backend.current import current, ready

    backend = ready() if _current is current else None
    return None if backend is None else backend.asend


def stand_in(find: Callable[[], Backend]) -> None:
    """Have what `find` returns take the place of this process's own backend."""
    global _current  # noqa: PLW0603 - of the process
    _current = find


def new_id() -> UUID:
    """Return a new id; opens nothing."""
    import os

    from legato._journal.ids import TimeOrderedIds

    global _ids  # noqa: PLW0603 - made at the first call
    if _ids is None:
        made = TimeOrderedIds()
        os.register_at_fork(after_in_child=made.reseed)
        _ids = made
    return _ids.new()
