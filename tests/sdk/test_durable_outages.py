"""Durable steps while the database takes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from legato import durable, flow, task
from legato._backend.current import current
from legato._model.errors import StoreFull
from legato.exceptions import StepNotCommitted
from legato.states import State


class Database:
    """The database of the test's home, whose disk may be full."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch, self.store = patch, current().store

    def break_down(self) -> None:
        self.patch.setattr(self.store, "run", self._refuse)

    def mend(self) -> None:
        self.patch.undo()
        journal, end = current().journal, time.monotonic() + 30
        while journal.failure is not None and time.monotonic() < end:
            journal.flush()
            time.sleep(0.01)  # it looks again after a while

    def _refuse(self, *_: object) -> None:
        raise StoreFull("The disk is full.")


@pytest.fixture
def database(home: object) -> Iterator[Database]:
    with pytest.MonkeyPatch.context() as patch:
        yield Database(patch)


def work(database: Database, call: Any) -> tuple[Any, list[str]]:
    """Return a flow whose second step ends in an outage, and what was called."""
    calls: list[str] = []

    @task
    def step(name: str) -> str:
        calls.append(name)
        if calls == ["a", "b"]:
            database.break_down()
        return name

    @flow(durable=True)
    def etl() -> list[str]:
        return [call(step, name) for name in "abc"]

    return etl, calls


@pytest.mark.parametrize(
    "call",
    [lambda step, name: step(name), lambda step, name: step.submit(name).result()],
    ids=["called", "submitted"],
)
def test_a_run_stops_at_the_step_that_could_not_be_committed(database: Database, call: Any) -> None:
    etl, calls = work(database, call)
    state: State[Any] = etl(return_state=True)
    database.mend()
    assert calls == ["a", "b"]
    assert state.is_failed()
    with pytest.raises(StepNotCommitted, match=r"step step-1 is done, but .* The disk is full"):
        state.result()
    run_id = state.state_details.flow_run_id
    assert durable.resume(run_id, flow=etl) == ["a", "b", "c"]
    assert calls == ["a", "b", "c"]
