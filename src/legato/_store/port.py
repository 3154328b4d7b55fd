"""What a store can do: the two protocols that everything above `_store` is written against.

An operation is a function of a `Transaction`. It reads, decides, then writes; it never begins or
commits, and it may be run again: after an unexpected error the store rolls back and runs the
operations of that commit once more, one by one (`tx.repeated` is True then). A refusal (an error
of `_model.errors`) is raised before anything was written.

An operation may be an object that has, beside `__call__`, a static method `together(tx, ops)`:
several of that kind that wait at the same time are carried out by it at once. It returns for each
what the call would have returned, or the refusal that it would have raised.

One with the attribute `in_order` is what a writer says in the order of its journal. Before any
other, SQLite's store has taken in what was written ahead (`ahead.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from legato._store.sql import Sql

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")
DEFAULT_WORKSPACE = 0
SNAPSHOT_SECONDS = 1.0
"""How long a read may keep its snapshot: what is older than that cannot be cleared away."""
TOO_LONG = (
    f"Reading took longer than {SNAPSHOT_SECONDS:g} s and was ended, because a snapshot of the "
    "database is kept no longer. Narrow the filter (a flow, a flow run, a state, a span of time) "
    "or ask for a smaller page."
)


class Lane(Enum):
    """Which operations go first when several wait; the lower value does."""

    LEASES = 0
    PROPOSALS = 1
    FACTS = 2
    READS = 3
    LOGS = 4
    PRUNING = 5


class Grade(Enum):
    """What a commit survives: PLAIN the death of the process, ACKED the loss of power."""

    PLAIN = 0
    ACKED = 1


class Transaction(Protocol):
    """One transaction on one connection; statements by name were compiled ahead.

    Parameters by name and the values of `Sql` may be model values (UUID, datetime, timedelta, an
    Enum of text). Values for `run_many` and `bulk` are bound as they are: make them with `uid` and
    `null`.
    """

    repeated: bool
    writes: int
    """How many statements have written."""
    null: Any
    """What stands for NULL in the values of `run_many` and `bulk`."""
    data_errors: tuple[type[Exception], ...]
    """What the driver raises when a row cannot be stored because of what is in it."""

    def uid(self, value: UUID) -> Any:
        """Return an id as the driver binds it fastest."""
        ...

    def rows(self, name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a query and return all its rows."""
        ...

    def rows_in(self, name: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
        """Run a query whose one parameter is a list of ids."""
        ...

    def run(self, name: str, params: Mapping[str, Any]) -> int:
        """Run a statement and return how many rows it touched."""
        ...

    def run_many(self, name: str, rows: Sequence[Sequence[Any]]) -> int:
        """Insert or change many rows, each in the column order of the statement."""
        ...

    def bulk(self, name: str, flat: list[Any], *, each: bool = False) -> None:
        """Do as `run_many`, with the values of all rows in one list, without an answer.

        What is wrong with it may be raised by a later statement, at the latest at the end of the
        savepoint or before the commit. `each`: raise RuntimeError if a row touches nothing.
        """
        ...

    def positions(self, count: int) -> Sequence[int]:
        """Draw places in the ordered log; after the locks of the rows that change."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo, when the block raises, what it wrote."""
        ...

    def select(self, query: Sql) -> list[tuple[Any, ...]]:
        """Run a query that was put together; ids and times come as the driver has them."""
        ...

    def execute(self, statement: Sql) -> int:
        """Run a statement that was put together; return how many rows it touched."""
        ...


class Watch(Protocol):
    """What calls somebody when the database has changed."""

    def close(self) -> None:
        """Stop; a last call may be on its way."""
        ...


class Store(Protocol):
    """A database of Legato."""

    def run(
        self,
        op: Callable[[Transaction], T],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> T:
        """Run `op` in a write transaction and return what it returned, after the commit.

        Raises what `op` raised, and StoreFull, StoreReadOnly, StoreBusy or StoreError.
        """
        ...

    def run_all(
        self,
        ops: Sequence[Callable[[Transaction], T]],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> list[T | BaseException]:
        """Run up to 64 operations as `run` does each, and return what each returned or raised.

        They wait together, so they share a commit, and one thread waits for all of them.
        """
        ...

    def read(self, op: Callable[[Transaction], T]) -> T:
        """Run `op` on a snapshot that it cannot change.

        Raises StoreTimeout when it reads for more than SNAPSHOT_SECONDS.
        """
        ...

    def read_placed(self, op: Callable[[Transaction, int], T]) -> T:
        """Do as `read`, and give `op` a stable position: all up to there is in the snapshot."""
        ...

    def upkeep(self) -> Callable[[], None] | None:
        """Return work that is due but can wait for a thread with leisure; None: there is none."""
        ...

    def shrink(self, spare: float) -> int:
        """Give the file system a piece of what nothing fills any more; return its bytes.

        0: of all space at most a part of `spare` is free, or the database does not tell (of
        PostgreSQL, whose own vacuum sees to that).
        """
        ...

    def stable_position(self) -> int:
        """Return the place in the ordered log up to which nothing can appear any more.

        A snapshot that is taken afterwards shows all that will ever stand there.
        """
        ...

    def watch(self, wake: Callable[[], None]) -> Watch:
        """Have `wake` called, from another thread, when anybody has written to the ordered log.

        It may be called without reason. Read the log after this has returned, then at each call.
        """
        ...

    def announce(self) -> None:
        """From now on let watches in other processes know at once of what this one commits."""
        ...

    def close(self) -> None:
        """Close the connections; the store opens them again when it is used."""
        ...

    def prepare_fork(self) -> None:
        """Before a fork, after the flush of the journal: wait for users, close connections, hold.

        SQLite keeps its locks in the memory of the process. A child that inherits an open
        connection, even one it never touches, believes that it holds them.
        """
        ...

    def resume_fork(self) -> None:
        """After a fork, in the parent: let users in again."""
        ...

    def forget(self) -> None:
        """After a fork, in the child: drop what was inherited without closing it."""
        ...
