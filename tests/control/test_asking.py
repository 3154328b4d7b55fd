"""What many ask for at a time is answered, and stored, as if they had come one after the other."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from legato._control.asking import asked
from legato._model.errors import Conflict, Error, InvalidRequest, ObjectNotFound
from legato._model.flow_runs import FlowRunCreate, FlowRunPolicy
from legato._model.flows import FlowCreate
from legato._model.operations import flow_runs as r
from legato._model.operations import flows, states
from legato._model.states import StateDetails, StateType
from legato._store.port import Lane
from tests.store.records import new_id, now

TYPES = st.sampled_from(list(StateType))
PROPOSALS = st.lists(
    st.tuples(st.integers(0, 3), TYPES, st.sampled_from([None, "", "Mine"]), st.booleans()),
    min_size=2,
    max_size=8,
)
ABOVE = UUID(int=5)


@pytest.fixture
def at_once(store):
    """Ask for all of it at once, as the requests that wait for one commit do."""

    def carry_out(operations):
        ops = [asked(operation, now(), prefect=True) for operation in operations]
        return store.run_all(ops, Lane.PROPOSALS)

    return carry_out


@pytest.fixture
def in_turn(at_once):
    return lambda operations: [at_once([operation])[0] for operation in operations]


@pytest.fixture
def flow(send):
    return send(flows.CreateFlow(flow=FlowCreate(name="etl", labels={"a": 1})))


def created(flow, **more):
    return r.CreateFlowRun(flow_run=FlowRunCreate(flow_id=flow.id, **more))


def said(outcome):
    """Return an answer without ids and times."""
    if isinstance(outcome, Exception):
        return type(outcome), str(outcome)[:20]
    found = to_builtins(outcome)
    state = found.pop("state")
    return found, state and {name: state[name] for name in ("type", "name", "message")}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PROPOSALS)
def test_states_are_proposed_as_if_one_came_after_the_other(
    send, flow, at_once, in_turn, proposals
):
    together, alone = ([send(created(flow)).id for _ in range(3)] + [new_id()] for _ in range(2))

    def asked_of(runs):
        return [
            r.SetFlowRunState(
                flow_run_id=runs[index], state=r.StateCreate(type=kind, name=name), force=force
            )
            for index, kind, name, force in proposals
        ]

    outcomes, expected = at_once(asked_of(together)), in_turn(asked_of(alone))
    assert list(map(said, outcomes)) == list(map(said, expected))
    for one, other in zip(together[:3], alone[:3], strict=True):
        ours, theirs = (
            [
                (state.type, state.name)
                for state in send(states.ReadFlowRunStates(flow_run_id=run_id))
            ]
            for run_id in (one, other)
        )
        assert ours == theirs
        here, there = (send(r.ReadFlowRun(flow_run_id=run_id)) for run_id in (one, other))
        assert (here.state_name, here.run_count, here.empirical_policy) == (
            there.state_name,
            there.run_count,
            there.empirical_policy,
        )


TEXTS = st.none() | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=3)
DRAFTS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "flow_version": TEXTS,
        "parameters": OBJECTS,
        "context": OBJECTS,
        "tags": st.lists(st.text(), max_size=4),
        "labels": st.dictionaries(st.text(), st.integers(0, 9) | st.booleans() | st.text()),
        "job_variables": st.none() | OBJECTS,
        "empirical_policy": st.builds(
            FlowRunPolicy, retries=st.none() | st.integers(0, 9), pause_keys=st.just(["a"])
        ),
        "idempotency_key": st.none() | st.uuids().map(str),
        "deployment_id": st.none() | st.uuids(),
        "entrypoint": TEXTS,
        "durable": st.booleans(),
        "rerun_of": st.none() | st.uuids(),
        "parameters_id": st.none() | st.uuids(),
        "state": st.none()
        | st.builds(
            r.StateCreate,
            type=st.sampled_from([StateType.PENDING, StateType.SCHEDULED, StateType.RUNNING]),
            name=TEXTS,
            message=TEXTS,
            data=VALUES,
        ),
    },
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(DRAFTS)
def test_a_run_that_was_created_is_answered_as_it_can_be_read(send, flow, at_once, draft):
    (run,) = at_once([created(flow, **draft)])
    if isinstance(run, Error):
        return
    read = send(r.ReadFlowRun(flow_run_id=run.id))
    for each in (run, read):  # depends on when one looks
        each.estimated_start_time_delta = each.estimated_run_time = None
    assert run == read


def test_of_one_run_the_next_state_is_judged_by_the_one_before(send, flow, at_once):
    run = send(created(flow))
    pause = r.StateCreate(
        type=StateType.PAUSED, state_details=StateDetails(pause_reschedule=True, pause_key="1")
    )
    running = r.StateCreate(type=StateType.RUNNING)
    first, second = at_once(
        [r.SetFlowRunState(flow_run_id=run.id, state=state) for state in (running, pause)]
    )
    assert (first.status, second.status) == ("ACCEPT", "ABORT")  # without a deployment
    assert "deployment" in second.details["reason"]
    assert send(r.ReadFlowRun(flow_run_id=run.id)).state_name == "Running"


def test_runs_are_created_with_their_own_answers(send, flow, at_once):
    known = new_id()
    outcomes = at_once([
        created(flow, name="one", parameters={"x": 1}),
        created(flow, id=known, name="two"),
        created(flow, id=known),
        created(flow, idempotency_key="k", name="three"),
        created(flow, idempotency_key="k"),
        r.CreateFlowRun(flow_run=FlowRunCreate(flow_id=ABOVE)),
        r.CreateFlowRun(flow_run=FlowRunCreate()),
        created(flow, state=r.StateCreate(type=StateType.PENDING, name="")),
        created(flow, labels={"b": 2}),
    ])  # fmt: skip
    one, two, again, three, same, *refused, last = outcomes
    assert (one.name, one.parameters, one.state_name) == ("one", {"x": 1}, "Pending")
    assert (two.id, two.name) == (known, "two")
    assert isinstance(again, Conflict)
    assert (three.name, same.id) == ("three", three.id)
    assert [type(each) for each in refused] == [ObjectNotFound, InvalidRequest, InvalidRequest]
    assert last.labels == {"a": 1, "b": 2}
    assert send(r.CountFlowRuns()) == 4
    for run in (one, two, three, last):
        assert send(r.ReadFlowRun(flow_run_id=run.id)).name == run.name
        assert len(send(states.ReadFlowRunStates(flow_run_id=run.id))) == 1


def test_what_cannot_be_stored_of_one_spoils_no_other(send, flow, at_once):
    good, bad, other = at_once(
        [created(flow), created(flow, parameters={"x": float("nan")}), created(flow)]
    )
    assert isinstance(bad, Error)
    assert send(r.ReadFlowRun(flow_run_id=good.id)).state_name == "Pending"
    assert send(r.CountFlowRuns()) == 2
    assert other.id != good.id
