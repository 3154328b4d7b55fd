"""States made by hand, and the exceptions that they stand for."""

from __future__ import annotations

import asyncio

import pytest

from legato import flow, tags
from legato.context import TagsContext
from legato.exceptions import CancelledRun, CrashedRun, FailedRun
from legato.states import (
    Cancelled,
    Completed,
    Crashed,
    Failed,
    Running,
    Scheduled,
    State,
    aget_state_exception,
    araise_state_exception,
    get_state_exception,
    raise_state_exception,
)

OURS = ValueError("no rows")


@pytest.mark.parametrize(
    ("state", "kind", "text"),
    [
        (Failed(message="m"), FailedRun, "m"),
        (Failed(data="d", message="m"), FailedRun, "d"),
        (Crashed(message="m"), CrashedRun, "m"),
        (Cancelled(message="m"), CancelledRun, "m"),
        (Failed(data=OURS), ValueError, "no rows"),
    ],
)
def test_a_state_that_did_not_complete_stands_for_an_exception(
    state: State, kind: type[BaseException], text: str
) -> None:
    found = get_state_exception(state)
    assert (type(found), str(found)) == (kind, text)
    assert str(asyncio.run(aget_state_exception(state))) == text
    with pytest.raises(kind, match=text):
        raise_state_exception(state)
    with pytest.raises(kind, match=text):
        asyncio.run(araise_state_exception(state))


@pytest.mark.parametrize("state", [Completed(data=1), Running()])
def test_other_states_stand_for_none(state: State) -> None:
    raise_state_exception(state)
    asyncio.run(araise_state_exception(state))
    with pytest.raises(ValueError, match=f"not {state.name}"):
        get_state_exception(state)


def test_a_fresh_copy_is_another_state_that_says_the_same() -> None:
    state = flow(lambda: 5)(return_state=True)
    copy = state.fresh_copy()
    assert copy.id != state.id
    assert copy.timestamp >= state.timestamp
    assert (copy.type, copy.name, copy.state_details) == (
        state.type,
        state.name,
        state.state_details,
    )
    assert copy.result() == asyncio.run(copy.aresult()) == 5
    assert str(state.fresh_copy(name="Loaded", message="all")) == "Loaded('all', type=COMPLETED)"


def test_the_tags_of_the_blocks_around_can_be_asked_for() -> None:
    assert TagsContext.get().current_tags == set()
    with tags("a"), tags("b"):
        assert TagsContext.get().current_tags == {"a", "b"}


def test_a_scheduled_state_may_have_a_name() -> None:
    assert (Scheduled(name="Later").name, Scheduled().name) == ("Later", "Scheduled")
