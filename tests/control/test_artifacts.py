"""Artifacts, their keys, and variables on both stores."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from legato._model.artifacts import ArtifactCreate, ArtifactUpdate
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionSort,
    ArtifactFilter,
    ArtifactSort,
    FlowFilter,
    FlowRunFilter,
    TaskRunFilter,
    VariableFilter,
    VariableSort,
)
from legato._model.operations import artifacts as a
from legato._model.operations import variables as v
from legato._model.records import ArtifactChanged, ArtifactMade
from legato._model.variables import VariableCreate, VariableUpdate
from tests.store.records import new_id, now, whole_task

BEGAN = now()


def made(key=None, second=0, **more):
    more.setdefault("id", new_id())
    return ArtifactMade(ArtifactCreate(key=key, created=BEGAN + timedelta(seconds=second), **more))


def create(send, **more):
    return send(a.CreateArtifact(artifact=ArtifactCreate(**more)))


def latest(send, key):
    return send(a.ReadArtifactCollection(key=key))


def test_a_batch_of_artifacts_is_stored_with_the_latest_of_each_key(sender, send):
    records = [made(key, n, data=n) for n, key in enumerate(["x", "y", "x", None, "y"])]
    sender.send(*records)
    assert (latest(send, "x").data, latest(send, "y").data) == (2, 4)
    assert send(a.CountArtifacts()) == 5
    assert send(a.CountArtifactCollections()) == 2


def test_an_artifact_that_comes_late_is_not_the_latest(sender, send):
    sender.send(made("x", 5, data="new"))
    sender.send(made("x", 1, data="old"), made("x", 3, data="older"))
    assert latest(send, "x").data == "new"
    sender.send(made("x", 6, data="newest"))
    assert latest(send, "x").data == "newest"


def test_a_batch_that_comes_again_changes_nothing(sender, send):
    batch = sender.batch(made("x", 1, data=1), made("x", 2, data=2))
    sender.deliver(batch)
    sender.deliver(batch)
    assert send(a.CountArtifacts()) == 2


def test_of_many_changes_the_last_one_counts(sender, send):
    record = made("x", data=0.0, type="progress", description="d", metadata_={"a": "b"})
    changes = [
        ArtifactChanged(record.artifact.id, BEGAN, ArtifactUpdate(data=float(n))) for n in range(9)
    ]
    sender.send(record, *changes)
    sender.send(ArtifactChanged(record.artifact.id, BEGAN, ArtifactUpdate(description=None)))
    sender.send(ArtifactChanged(new_id(), BEGAN, ArtifactUpdate(data=1)))
    found = latest(send, "x")
    assert (found.data, found.description, found.metadata_) == (8.0, None, {"a": "b"})


def test_a_bad_artifact_is_kept_in_quarantine_and_stops_nothing(sender, send):
    answer = sender.send(
        made("Bad Key"), made("good", data=1), made("nan", data=float("nan")), made(id=None)
    )
    assert answer.quarantined == 3
    assert [found.key for found in send(a.FilterArtifacts())] == ["good"]


def test_deleting_the_latest_uncovers_the_one_before(sender, send):
    ids = [create(send, key="x", data=n).id for n in range(3)]
    for artifact_id, left in ((ids[1], 2), (ids[2], 0)):
        send(a.DeleteArtifact(artifact_id=artifact_id))
        assert latest(send, "x").data == left
    send(a.DeleteArtifact(artifact_id=ids[0]))
    with pytest.raises(ObjectNotFound, match="'x'"):
        latest(send, "x")
    assert send(a.CountArtifactCollections()) == 0


def test_an_artifact_is_created_changed_and_refused(send):
    found = create(send, key="x", data={"a": [1]}, metadata_={"k": "v"}, type="t")
    assert send(a.ReadArtifact(artifact_id=found.id)) == found
    send(a.UpdateArtifact(artifact_id=found.id, artifact=ArtifactUpdate(data=None)))
    assert send(a.ReadArtifact(artifact_id=found.id)).data is None
    with pytest.raises(Conflict):
        create(send, id=found.id)
    with pytest.raises(InvalidRequest, match="key: 'A' is no key"):
        create(send, key="A")
    with pytest.raises(InvalidRequest, match="data"):
        create(send, data=float("inf"))
    nobody = new_id()
    for operation in (
        a.ReadArtifact(artifact_id=nobody),
        a.DeleteArtifact(artifact_id=nobody),
        a.UpdateArtifact(artifact_id=nobody, artifact=ArtifactUpdate(data=1)),
    ):
        with pytest.raises(ObjectNotFound, match=str(nobody)):
            send(operation)


@pytest.fixture
def some(sender):
    """A flow run with a task, three artifacts of them and one of nobody."""
    flow_run_id = sender.start(name="r")
    task_run, records = whole_task(flow_run_id, tags=["t"])
    sender.send(*records)
    sender.send(
        made("a", 0, type="markdown", flow_run_id=flow_run_id),
        made("b", 1, type="table", flow_run_id=flow_run_id, task_run_id=task_run.id),
        made("b", 2, type="table", flow_run_id=flow_run_id),
        made(None, 3, type="result"),
    )
    return flow_run_id, task_run.id


def convert(kind, conditions):
    return msgspec.convert(conditions, kind)


@pytest.mark.parametrize(
    ("conditions", "keys"),
    [
        ({}, [None, "b", "b", "a"]),
        ({"key": {"any_": ["a"]}}, ["a"]),
        ({"key": {"like_": "b"}}, ["b", "b"]),
        ({"key": {"exists_": False}}, [None]),
        ({"key": {"exists_": True}}, ["b", "b", "a"]),
        ({"type": {"any_": ["table", "result"]}}, [None, "b", "b"]),
        ({"type": {"not_any_": ["table"]}}, [None, "a"]),
        ({"type": {"any_": ["result"]}, "key": {"any_": ["a"]}, "operator": "or_"}, [None, "a"]),
    ],
)
def test_artifacts_are_found_by_their_filter(send, some, conditions, keys):
    given = convert(ArtifactFilter, conditions)
    found = send(a.FilterArtifacts(artifacts=given, sort=ArtifactSort.CREATED_DESC))
    assert [artifact.key for artifact in found] == keys
    assert send(a.CountArtifacts(artifacts=given)) == len(keys)


def test_artifacts_are_found_by_their_runs(send, some):
    flow_run_id, task_run_id = some
    for given, count in (
        ({"artifacts": convert(ArtifactFilter, {"flow_run_id": {"any_": [flow_run_id]}})}, 3),
        ({"artifacts": convert(ArtifactFilter, {"task_run_id": {"any_": [task_run_id]}})}, 1),
        ({"flow_runs": convert(FlowRunFilter, {"name": {"any_": ["r"]}})}, 3),
        ({"flow_runs": convert(FlowRunFilter, {"name": {"any_": ["s"]}})}, 0),
        ({"flows": convert(FlowFilter, {"name": {"any_": ["etl"]}})}, 3),
        ({"task_runs": convert(TaskRunFilter, {"tags": {"all_": ["t"]}})}, 1),
    ):
        assert send(a.CountArtifacts(**given)) == count, given
        assert len(send(a.FilterArtifacts(**given))) == count, given


def test_keys_are_found_by_their_latest_artifact(send, some):
    flow_run_id, task_run_id = some
    for conditions, keys in (
        ({}, ["a", "b"]),
        ({"key": {"any_": ["b"]}}, ["b"]),
        ({"type": {"any_": ["markdown"]}}, ["a"]),
        ({"flow_run_id": {"any_": [flow_run_id]}}, ["a", "b"]),
        ({"task_run_id": {"any_": [task_run_id]}}, []),
        ({"latest_id": {"any_": [latest(send, "b").id]}}, ["b"]),
    ):
        given = convert(ArtifactCollectionFilter, conditions)
        found = send(
            a.FilterArtifactCollections(artifacts=given, sort=ArtifactCollectionSort.KEY_ASC)
        )
        assert [collection.key for collection in found] == keys, conditions
        assert send(a.CountArtifactCollections(artifacts=given)) == len(keys), conditions
    [one] = send(
        a.FilterArtifactCollections(limit=1, offset=1, sort=ArtifactCollectionSort.KEY_ASC)
    )
    assert one.latest_id == latest(send, "b").id != one.id


@pytest.mark.parametrize("sort", ArtifactSort)
def test_every_order_of_artifacts(send, some, sort):
    found = send(a.FilterArtifacts(sort=sort))
    keys = [artifact.key for artifact in found]
    expected = {
        ArtifactSort.KEY_ASC: ["a", "b", "b", None],
        ArtifactSort.KEY_DESC: ["b", "b", "a", None],
    }
    assert keys == expected.get(sort, [None, "b", "b", "a"])
    for size in (1, 2, 3):
        pages = [a.FilterArtifacts(sort=sort, limit=size, offset=n) for n in range(0, 5, size)]
        assert [artifact for page in pages for artifact in send(page)] == found
    assert len(send(a.FilterArtifactCollections(sort=ArtifactCollectionSort(sort.value)))) == 2


def test_variables_on_both_stores(send):
    ids = {}
    for name in ("b", "a"):
        given = VariableCreate(name=name, value={"n": name}, tags=[name, "x", "x"])
        ids[name] = send(v.CreateVariable(variable=given)).id
    found = send(v.ReadVariable(variable_id=ids["a"]))
    assert (found.name, found.value, found.tags) == ("a", {"n": "a"}, ["a", "x"])
    orders = {
        VariableSort.NAME_ASC: ["a", "b"],
        VariableSort.NAME_DESC: ["b", "a"],
        VariableSort.CREATED_DESC: ["a", "b"],
        VariableSort.UPDATED_DESC: ["a", "b"],
    }
    for sort, names in orders.items():
        assert [found.name for found in send(v.FilterVariables(sort=sort))] == names
    tagged = convert(VariableFilter, {"tags": {"all_": ["b", "x"]}})
    assert send(v.CountVariables(variables=tagged)) == 1
    send(v.UpdateVariable(variable_id=ids["a"], variable=VariableUpdate(name="c", tags=None)))
    found = send(v.ReadVariableByName(name="c"))
    assert (found.value, found.tags) == ({"n": "a"}, [])
    for name in ("b", "Bad"):
        with pytest.raises((Conflict, InvalidRequest), match=name):
            send(v.UpdateVariableByName(name="c", variable=VariableUpdate(name=name)))
    with pytest.raises(InvalidRequest, match="value"):
        send(v.UpdateVariableByName(name="c", variable=VariableUpdate(value="x" * 5001)))
    send(v.DeleteVariable(variable_id=ids["a"]))
    with pytest.raises(ObjectNotFound, match="'c'"):
        send(v.DeleteVariableByName(name="c"))
    send(v.DeleteVariableByName(name="b"))
    assert send(v.CountVariables()) == 0
