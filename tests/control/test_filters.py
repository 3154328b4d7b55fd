"""What each condition of a filter selects, on both stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.filters import (
    FlowFilter,
    FlowRunFilter,
    FlowRunSort,
    FlowSort,
    LogFilter,
    LogSort,
    TaskRunFilter,
    TaskRunSort,
)
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._model.operations.flows import CountFlows, FilterFlows
from legato._model.operations.logs import FilterLogs
from legato._model.operations.task_runs import CountTaskRuns, FilterTaskRuns
from legato._model.states import StateType
from tests.store.records import COMPLETED, flow_run, line, move, new_id, task, whole_task

FAILED = StateType.FAILED
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
SOON = datetime.now(UTC) + timedelta(days=1)
NOBODY = UUID(int=7)


def made(kind, conditions):
    return msgspec.convert(conditions, kind)


@pytest.fixture
def runs(sender):
    """Three runs: `done` (etl, tags a and b), `broken` (etl, tag a), `going` (report, no tag)."""
    done = sender.start(name="Done", tags=["a", "b"], flow_version="1", work_queue_name="q")
    broken = sender.start(name="broken", tags=["a"], flow_version="2")
    going = sender.start(name="going", flow="report", idempotency_key="k")
    sender.send(move(done, COMPLETED), move(broken, FAILED, name="TimedOut"))
    return {"done": done, "broken": broken, "going": going}


def names_of(runs, found):
    by_id = {run_id: name for name, run_id in runs.items()}
    return {by_id[run.id] for run in found}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, {"done", "broken", "going"}),
        ({"name": {"any_": ["Done", "going"]}}, {"done", "going"}),
        ({"name": {"any_": []}}, set()),
        ({"name": {"like_": "DON"}}, {"done"}),
        ({"name": {"like_": "%"}}, set()),
        ({"tags": {"all_": ["a"]}}, {"done", "broken"}),
        ({"tags": {"all_": ["a", "b"]}}, {"done"}),
        ({"tags": {"any_": ["b", "c"]}}, {"done"}),
        ({"tags": {"is_null_": True}}, {"going"}),
        ({"tags": {"is_null_": False}}, {"done", "broken"}),
        ({"state": {"type": {"any_": ["COMPLETED", "RUNNING"]}}}, {"done", "going"}),
        ({"state": {"type": {"not_any_": ["COMPLETED"]}}}, {"broken", "going"}),
        ({"state": {"name": {"any_": ["TimedOut"]}}}, {"broken"}),
        (
            {
                "state": {
                    "type": {"any_": ["RUNNING"]},
                    "name": {"any_": ["TimedOut"]},
                    "operator": "or_",
                }
            },
            {"broken", "going"},
        ),
        ({"flow_version": {"any_": ["2"]}}, {"broken"}),
        ({"idempotency_key": {"any_": ["k"]}}, {"going"}),
        ({"work_queue_name": {"is_null_": True}}, {"broken", "going"}),
        ({"work_queue_name": {"any_": ["q"]}}, {"done"}),
        ({"deployment_id": {"is_null_": True}}, {"done", "broken", "going"}),
        ({"start_time": {"before_": LONG_AGO}}, set()),
        ({"start_time": {"after_": LONG_AGO, "before_": SOON}}, {"done", "broken", "going"}),
        ({"end_time": {"is_null_": True}}, {"going"}),
        ({"expected_start_time": {"after_": LONG_AGO}}, {"done", "broken", "going"}),
        ({"parent_task_run_id": {"is_null_": True}}, {"done", "broken", "going"}),
        ({"parent_flow_run_id": {"any_": [NOBODY]}}, set()),
        ({"name": {"any_": ["Done"]}, "tags": {"all_": ["b"]}, "operator": "and_"}, {"done"}),
        (
            {"name": {"any_": ["going"]}, "tags": {"all_": ["b"]}, "operator": "or_"},
            {"done", "going"},
        ),
        ({"id": {"any_": [NOBODY]}}, set()),
        ({"id": {"not_any_": [NOBODY]}}, {"done", "broken", "going"}),
    ],
)
def test_flow_runs(send, runs, conditions, expected):
    given = made(FlowRunFilter, conditions)
    assert names_of(runs, send(FilterFlowRuns(flow_runs=given))) == expected
    assert send(CountFlowRuns(flow_runs=given)) == len(expected)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"name": {"any_": ["etl"]}}, {"done", "broken"}),
        ({"name": {"like_": "REP"}}, {"going"}),
        ({"id": {"any_": [NOBODY]}}, set()),
    ],
)
def test_flow_runs_of_flows(send, runs, conditions, expected):
    given = made(FlowFilter, conditions)
    assert names_of(runs, send(FilterFlowRuns(flows=given))) == expected
    assert send(CountFlowRuns(flows=given)) == len(expected)


def test_flow_runs_by_their_task_runs(send, sender, runs):
    _, records = whole_task(runs["going"], tags=["t"], name="load-0")
    sender.send(*records)
    given = made(TaskRunFilter, {"name": {"any_": ["load-0"]}})
    assert names_of(runs, send(FilterFlowRuns(task_runs=given))) == {"going"}


def test_flow_runs_below_a_flow_run(send, sender, runs):
    parent = task(runs["going"])
    child = flow_run(parent=parent, parent_epoch=1)
    sender.send(child)
    below = made(FlowRunFilter, {"parent_flow_run_id": {"any_": [runs["going"]]}})
    assert [run.id for run in send(FilterFlowRuns(flow_runs=below))] == [child.run.id]
    above = made(FlowRunFilter, {"parent_task_run_id": {"any_": [parent.id]}})
    assert [run.id for run in send(FilterFlowRuns(flow_runs=above))] == [child.run.id]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, {"etl", "report"}),
        ({"name": {"any_": ["etl"]}}, {"etl"}),
        ({"name": {"like_": "TL"}}, {"etl"}),
        ({"id": {"any_": [NOBODY]}}, set()),
        ({"tags": {"is_null_": True}}, {"etl", "report"}),
        ({"tags": {"all_": ["x"]}}, set()),
    ],
)
def test_flows(send, runs, conditions, expected):
    given = made(FlowFilter, conditions)
    assert {flow.name for flow in send(FilterFlows(flows=given))} == expected
    assert send(CountFlows(flows=given)) == len(expected)


def test_flows_by_their_runs(send, runs):
    given = made(FlowRunFilter, {"name": {"any_": ["going"]}})
    assert [flow.name for flow in send(FilterFlows(flow_runs=given))] == ["report"]


def test_flows_by_their_task_runs(send, sender, runs):
    _, records = whole_task(runs["going"], name="load-0")
    sender.send(*records)
    given = made(TaskRunFilter, {"name": {"any_": ["load-0"]}})
    assert [flow.name for flow in send(FilterFlows(task_runs=given))] == ["report"]
    assert send(CountFlows(task_runs=given)) == 1


@pytest.fixture
def tasks(sender, runs):
    """`one` (done, tag t), `two` (running), `sub` stands for a subflow, `alone` has no flow."""
    one, records = whole_task(runs["going"], tags=["t"], name="one")
    two, more = whole_task(runs["broken"], name="two")
    sub, alone = task(runs["going"], name="sub"), task(None, name="alone")
    child = flow_run(parent=sub, parent_epoch=1)
    from legato._model.records import TaskRunCreated

    sender.send(*records, *more[:2], child, TaskRunCreated(0, alone))
    return {"one": one.id, "two": two.id, "sub": sub.id, "alone": alone.id}


EVERY = {"one", "two", "sub", "alone"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, EVERY),
        ({"name": {"any_": ["one"]}}, {"one"}),
        ({"name": {"like_": "O"}}, {"one", "two", "alone"}),
        ({"tags": {"all_": ["t"]}}, {"one"}),
        ({"tags": {"is_null_": True}}, EVERY - {"one"}),
        ({"state": {"type": {"any_": ["RUNNING"]}}}, {"two"}),
        ({"state": {"name": {"any_": ["Completed"]}}}, {"one"}),
        ({"subflow_runs": {"exists_": True}}, {"sub"}),
        ({"subflow_runs": {"exists_": False}}, EVERY - {"sub"}),
        ({"flow_run_id": {"is_null_": True}}, {"alone"}),
        ({"flow_run_id": {"is_null_": False}}, EVERY - {"alone"}),
        ({"end_time": {"is_null_": False}}, {"one"}),
        ({"start_time": {"before_": LONG_AGO}}, set()),
        ({"expected_start_time": {"after_": LONG_AGO}}, EVERY),
        ({"id": {"any_": []}}, set()),
    ],
)
def test_task_runs(send, tasks, conditions, expected):
    given = made(TaskRunFilter, conditions)
    assert names_of(tasks, send(FilterTaskRuns(task_runs=given))) == expected
    assert send(CountTaskRuns(task_runs=given)) == len(expected)


def test_task_runs_of_flow_runs_and_flows(send, runs, tasks):
    of_run = made(FlowRunFilter, {"id": {"any_": [runs["broken"]]}})
    assert names_of(tasks, send(FilterTaskRuns(flow_runs=of_run))) == {"two"}
    of_flow = made(FlowFilter, {"name": {"any_": ["report"]}})
    assert names_of(tasks, send(FilterTaskRuns(flows=of_flow))) == {"one", "sub"}
    assert send(CountTaskRuns(flows=of_flow, flow_runs=of_run)) == 0
    direct = made(TaskRunFilter, {"flow_run_id": {"any_": [runs["going"]]}})
    assert names_of(tasks, send(FilterTaskRuns(task_runs=direct))) == {"one", "sub"}


@pytest.mark.parametrize("sort", FlowRunSort)
def test_every_order_of_flow_runs_works(send, runs, sort):
    found = send(FilterFlowRuns(sort=sort))
    names = [run.name for run in found]
    assert sorted(names) == ["Done", "broken", "going"]
    if sort is FlowRunSort.START_TIME_DESC:
        assert names == ["going", "broken", "Done"]
    if sort is FlowRunSort.EXPECTED_START_TIME_ASC:
        assert names == ["Done", "broken", "going"]


@pytest.mark.parametrize("sort", TaskRunSort)
def test_every_order_of_task_runs_works(send, tasks, sort):
    assert len(send(FilterTaskRuns(sort=sort))) == 4


@pytest.mark.parametrize("sort", FlowSort)
def test_every_order_of_flows_works(send, runs, sort):
    names = [flow.name for flow in send(FilterFlows(sort=sort))]
    newest_first = sort in {FlowSort.CREATED_DESC, FlowSort.UPDATED_DESC, FlowSort.NAME_DESC}
    assert names == (["report", "etl"] if newest_first else ["etl", "report"])


def test_pages(send, runs):
    sort = FlowRunSort.START_TIME_ASC
    pages = [send(FilterFlowRuns(sort=sort, limit=2, offset=n)) for n in (0, 2, 4)]
    assert [[run.name for run in page] for page in pages] == [["Done", "broken"], ["going"], []]
    assert send(FilterFlowRuns(limit=0)) == []


@pytest.mark.parametrize(
    "sort", [s for s in FlowRunSort if "SCHEDULED" not in s and "END" not in s]
)
def test_pages_follow_each_other(send, sender, sort):
    for n in range(7):
        sender.start(name=f"run-{n // 3}")
    whole = [run.id for run in send(FilterFlowRuns(sort=sort))]
    found, after = [], None
    while page := send(FilterFlowRuns(sort=sort, limit=2, after=after)):
        found += [run.id for run in page]
        after = found[-1]
    assert found == whole


def test_pages_of_task_runs_follow_each_other(send, sender):
    run_id = sender.start()
    for _ in range(5):
        sender.send(*whole_task(run_id)[1])
    for sort in (TaskRunSort.ID_DESC, TaskRunSort.NAME_ASC):
        whole = [run.id for run in send(FilterTaskRuns(sort=sort))]
        first = send(FilterTaskRuns(sort=sort, limit=3))
        rest = send(FilterTaskRuns(sort=sort, after=first[-1].id))
        assert [run.id for run in first + rest] == whole


def test_what_has_no_value_comes_last(send, runs):
    ended = [run.end_time for run in send(FilterFlowRuns(sort=FlowRunSort.END_TIME_DESC))]
    assert ended[-1] is None
    assert ended[0] >= ended[1]


def test_a_page_follows_a_run_that_is_there(send, runs):
    with pytest.raises(ObjectNotFound):
        send(FilterFlowRuns(after=NOBODY))
    with pytest.raises(InvalidRequest):
        send(FilterFlowRuns(after=runs["done"], sort=FlowRunSort.END_TIME_DESC))


@pytest.mark.parametrize(("limit", "offset"), [(201, 0), (-1, 0), (1, -1)])
@pytest.mark.parametrize("kind", [FilterFlowRuns, FilterTaskRuns, FilterFlows, FilterLogs])
def test_a_page_beyond_bounds_is_refused(send, kind, limit, offset):
    with pytest.raises(InvalidRequest, match=r"(Invalid limit|offset): "):
        send(kind(limit=limit, offset=offset))


def test_log_lines(send, sender, runs):
    run_id, other, task_id = runs["going"], runs["done"], new_id()
    lines = [line(f"line {n}", run_id) for n in range(5)]
    lines[3].log.level = 40
    sender.send(*lines, line("of a task", run_id, task_id), line("elsewhere", other))

    def messages(conditions, **more):
        return [log.message for log in send(FilterLogs(logs=made(LogFilter, conditions), **more))]

    of_run = {"flow_run_id": {"any_": [run_id]}}
    whole = [f"line {n}" for n in range(5)]
    assert messages(of_run) == [*whole, "of a task"]
    assert messages(of_run, sort=LogSort.TIMESTAMP_DESC) == ["of a task", *whole[::-1]]
    assert messages(of_run, limit=2, offset=1) == ["line 1", "line 2"]
    assert messages({**of_run, "level": {"ge_": 40}}) == ["line 3"]
    assert messages({**of_run, "level": {"le_": 20}, "task_run_id": {"is_null_": True}}) == [
        "line 0",
        "line 1",
        "line 2",
        "line 4",
    ]
    assert messages({"task_run_id": {"any_": [task_id]}}) == ["of a task"]
    assert messages({**of_run, "timestamp": {"before_": LONG_AGO}}) == []
    assert messages({"timestamp": {"after_": LONG_AGO}})[-1] == "elsewhere"


def test_lines_of_one_moment_keep_their_order(send, sender, runs):
    lines = [line(str(n), runs["going"]) for n in range(20)]
    for each in lines:
        each.log.timestamp = LONG_AGO
    sender.send(*lines)
    assert [log.message for log in send(FilterLogs())] == [str(n) for n in range(20)]
