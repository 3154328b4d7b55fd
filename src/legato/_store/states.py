"""History rows: one per accepted transition, in the order in which the batch has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import structs

from legato._model.states import NAMES, State, StateDetails
from legato._store import encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

FLOW_WIDTH = 14
TASK_WIDTH = 13
LIFE_WIDTH = 13

Entered = tuple[Any, str, str, Any, Any, int, Any]
"""A state as columns: id, type, name, message, details, time, result id."""


class Described(StateDetails, kw_only=True, omit_defaults=True):
    """Details as the column has them, with what a client of the API said of the result."""

    data: Any = None


class StandsAt(Protocol):
    """A task run: its id as bound, and where it stands."""

    uid: Any
    version: int
    epoch: int


class History:
    """Collects history rows; `flush` draws their positions and writes them.

    `keeps_data`: the data of a state is what a client of the API said of the result, and is
    stored. Else it is the value itself in some process, which is none of the history's business.
    """

    def __init__(self, tx: Transaction, *, keeps_data: bool = False) -> None:
        self._null, self._uid = tx.null, tx.uid
        self._keeps_data = keeps_data
        self.count = 0
        """How many positions the rows take; until they are drawn, each row holds an offset."""
        self._flow: list[Any] = []
        self._task: list[Any] = []
        self.lives: list[Any] = []  # three transitions of a run in a row (`lives.py`)

    def entered(self, state: State, result_id: Any) -> Entered:
        """Return the columns of a state; raises on a state that cannot be stored."""
        null, name = self._null, state.name
        message, details = state.message, state.state_details
        if self._keeps_data and state.data is not None:
            details = _with_data(state)
        return (
            self._uid(state.id),
            state.type._value_,
            name if name in NAMES else encode.text(name),
            null if message is None else encode.text(message),
            null if details is None else encode.bare(details),
            micros(state.timestamp),
            null if result_id is None else self._uid(result_id),
        )

    def task_step(self, run: StandsAt, before: str, state: State, result_id: Any) -> Entered:
        """Add a transition of a task run to `run.version`; return the columns of the state."""
        entered = self.entered(state, result_id)
        state_id, type_, name, message, details, at, result = entered
        self._task += (
            self.count, DEFAULT_WORKSPACE, run.uid, run.version, run.epoch, state_id, before,
            type_, name, message, details, at, result,
        )  # fmt: skip
        self.count += 1
        return entered

    def late_task_step(self, run: StandsAt, epoch: int, state: State, result_id: Any) -> None:
        """Add what a closed attempt still reported."""
        entered = self.entered(state, result_id)
        state_id, type_, name, message, details, at, result = entered
        self._task += (
            self.count, DEFAULT_WORKSPACE, run.uid, self._null, epoch, state_id, "", type_,
            name, message, details, at, result,
        )  # fmt: skip
        self.count += 1

    def flow_step(
        self, owner: Any, version: Any, epoch: tuple[int, int], before: str, entered: Entered
    ) -> None:
        """Add a transition of a flow run; `epoch` is the number and whether it opens here."""
        state_id, type_, name, message, details, at, result = entered
        self._flow += (
            self.count, DEFAULT_WORKSPACE, owner, version, *epoch, state_id, before, type_,
            name, message, details, at, result,
        )  # fmt: skip
        self.count += 1

    def flush(self, tx: Transaction, further: int = 0) -> Sequence[int]:
        """Write all rows; after the rows of the runs, as positions are drawn under their locks.

        Returns `further` positions behind those of the rows.
        """
        count = self.count
        if not count + further:
            return ()
        places = tx.positions(count + further)
        for name, flat, width, firsts in (
            ("flow_run_state.create", self._flow, FLOW_WIDTH, (0,)),
            ("task_run_state.create_lived", self.lives, LIFE_WIDTH, (0, 4, 8)),
            ("task_run_state.create", self._task, TASK_WIDTH, (0,)),
        ):
            if flat:
                for first in firsts:
                    flat[first::width] = [places[n] for n in flat[first::width]]
                tx.bulk(name, flat)
        self.count, self._flow, self._task, self.lives = 0, [], [], []
        return places[count:]


def _with_data(state: State) -> StateDetails:
    """Return the details with the data; raise InvalidRequest for data that JSON cannot hold."""
    encode.json(state.data, "data")
    details = state.state_details
    known: dict[str, Any] = {} if details is None else structs.asdict(details)
    return Described(**known, data=state.data)
