"""Public records: model structs that users construct."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

import msgspec
import pytest
from msgspec import structs

from legato._model import filters as model_filters
from legato._model import flow_runs, flows, logs, states, task_runs
from legato._model.operations import flow_runs as operations
from legato._sdk.client import filters
from legato._sdk.client.objects import Flow, FlowRun, Log, OrchestrationResult, TaskRun
from legato._sdk.records import Record, ValidationError
from legato._sdk.states import State
from legato.exceptions import ValidationError as PublicValidationError

ID = UUID(int=5)
MODEL = model_filters.__name__
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PAIRS = [
    (State, states.State),
    (Flow, flows.Flow),
    (FlowRun, flow_runs.FlowRun),
    (TaskRun, task_runs.TaskRun),
    (Log, logs.Log),
    (OrchestrationResult, operations.OrchestrationResult),
    *(
        (public, next(base for base in public.__mro__ if base.__module__ == MODEL))
        for public in vars(filters).values()
        if isinstance(public, type) and issubclass(public, Record) and public is not Record
    ),
]


@pytest.mark.parametrize(("public", "model"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_record_adds_no_field(public, model):
    assert issubclass(public, model)
    assert not issubclass(model, Record)
    assert public.__struct_fields__ == model.__struct_fields__
    assert structs.fields(public) == structs.fields(model)


def test_every_filter_of_the_model_has_a_public_one():
    mains = {"FlowFilter", "FlowRunFilter", "TaskRunFilter", "LogFilter"}
    assert mains <= set(vars(filters)) & set(vars(model_filters))


def run(**more):
    given = {"id": ID, "created": NOW, "updated": NOW, "name": "n", "flow_id": ID}
    return FlowRun(**{**given, **more})


def test_values_are_coerced():
    made = run(
        id=str(ID),
        created=NOW.isoformat(),
        state_type="COMPLETED",
        total_run_time=2.5,
        tags=("a", "b"),
        state={"id": str(ID), "type": "COMPLETED", "name": "Completed", "timestamp": str(NOW)},
    )
    assert (made.id, made.created) == (ID, NOW)
    assert made.state_type is states.StateType.COMPLETED
    assert made.total_run_time == timedelta(seconds=2.5)
    assert made.tags == ["a", "b"]
    assert type(made.state) is State
    assert made.state.timestamp == NOW
    assert made.state.is_completed()


def test_a_state_keeps_its_value_in_a_run():
    value = object()
    made = run(state=State(type="COMPLETED", data=value))
    assert made.state.result() is value


def test_a_state_needs_no_more_than_its_type():
    state = State(type="FAILED", message="m")
    assert (state.name, state.message) == ("Failed", "m")
    assert state.timestamp <= datetime.now(UTC)
    assert State(type="FAILED").id != state.id


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: State(type="NEVER", name="x"), {("value", "type"): "NEVER"}),
        (lambda: State(type="FAILED", nam="x"), {("extra", "nam"): "x"}),
        (lambda: Flow(name=1), {
            ("value", "name"): 1,
            ("missing", "id"): None,
            ("missing", "created"): None,
            ("missing", "updated"): None,
        }),
        (lambda: filters.FlowRunFilter(state={
            "type": {"any_": ["COMPLETED", "BAD", 3]},
            "name": {"any": ["x"]},
            "operator": "nor_",
        }, id={"any_": ["no-id"]}), {
            ("value", "state.type.any_.1"): "BAD",
            ("value", "state.type.any_.2"): 3,
            ("extra", "state.name.any"): ["x"],
            ("value", "state.operator"): "nor_",
            ("value", "id.any_.0"): "no-id",
        }),
        (lambda: run(tags="abc", run_count=[]), {
            ("value", "tags"): "abc",
            ("value", "run_count"): [],
        }),
        (lambda: run(labels={"a": [1]}), {("value", "labels.a"): [1]}),
        (lambda: filters.LogFilter(level={"ge_": "high"}), {("value", "level.ge_"): "high"}),
    ],
)  # fmt: skip
def test_every_fault_is_named(make, expected):
    with pytest.raises(ValidationError) as caught:
        make()
    found = {(p["type"], ".".join(map(str, p["loc"]))): p["input"] for p in caught.value.problems}
    assert found == expected
    for _, place in expected:
        assert place in str(caught.value)
    assert all(p["msg"] for p in caught.value.problems)


def test_the_error_has_its_public_name():
    assert PublicValidationError is ValidationError
    assert issubclass(ValidationError, ValueError)


def test_nested_filters_may_be_given_as_dicts_or_records():
    whole = filters.FlowRunFilter(
        id=filters.FlowRunFilterId(any_=[str(ID)]),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=["FAILED"])),
        tags={"all_": ["a"]},
    )
    plain = filters.FlowRunFilter(
        id={"any_": [ID]}, state={"type": {"any_": ["FAILED"]}}, tags={"all_": ["a"]}
    )
    assert whole.model_dump() == plain.model_dump()
    assert whole.id.any_ == [ID]
    assert whole.state.type.any_ == [states.StateType.FAILED]
    assert isinstance(whole.state, model_filters.StateFilter)


def test_records_are_dumped():
    made = run(state=State(type="COMPLETED"), total_run_time=1.5)
    dumped = made.model_dump()
    assert dumped["id"] == ID
    assert dumped["state"]["type"] is states.StateType.COMPLETED
    assert dumped["empirical_policy"]["retries"] is None
    as_json = made.model_dump(mode="json")
    assert as_json["id"] == str(ID)
    assert (as_json["state"]["type"], as_json["total_run_time"]) == ("COMPLETED", 1.5)
    assert json.loads(made.model_dump_json()) == as_json
    assert FlowRun.model_validate(as_json) == made
    assert FlowRun.model_validate_json(made.model_dump_json()) == made


def test_what_is_no_json_is_dumped_as_text():
    assert "object" in State(type="COMPLETED", data=object()).model_dump_json()


def test_copies_take_changes():
    made = run()
    copy = made.model_copy(update={"name": "other"})
    assert (made.name, copy.name, copy.id) == ("n", "other", ID)
    assert type(copy) is FlowRun


def test_a_model_struct_is_wrapped_with_its_state():
    plain = msgspec.convert(run(state=State(type="FAILED")).model_dump(), flow_runs.FlowRun)
    assert type(plain.state) is states.State
    for made in (FlowRun.wrap(plain), FlowRun.model_validate(plain)):
        assert type(made) is FlowRun
        assert type(made.state) is State
        assert made.state.is_failed()


def test_only_what_fits_is_validated():
    with pytest.raises(ValidationError):
        FlowRun.model_validate(flows.Flow(id=ID, created=NOW, updated=NOW, name="n"))
    with pytest.raises(ValidationError):
        FlowRun.model_validate_json("{")


def test_enums_print_as_in_prefect():
    kind = states.StateType.FAILED
    assert (str(kind), f"{kind}", kind.value) == ("StateType.FAILED", "StateType.FAILED", "FAILED")
    assert kind == "FAILED"
    assert isinstance(kind, Enum)
