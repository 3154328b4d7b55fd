"""Artifacts and variables as flows and tasks meet them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from legato import flow, get_client, runtime, task
from legato.artifacts import (
    Artifact,
    LinkArtifact,
    MarkdownArtifact,
    acreate_image_artifact,
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from legato.client.schemas.filters import ArtifactFilter, FlowRunFilter, TaskRunFilter
from legato.exceptions import ObjectNotFound, ValidationError


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


def test_an_artifact_belongs_to_the_runs_that_it_was_made_in(client):
    @task
    def make():
        return create_markdown_artifact("in the task"), runtime.task_run.id

    @flow
    def work():
        return create_markdown_artifact("in the flow"), make(), runtime.flow_run.id

    of_flow, (of_task, task_run), flow_run = work()
    found = {artifact.id: artifact for artifact in client.read_artifacts()}
    assert str(found[of_flow].flow_run_id) == str(found[of_task].flow_run_id) == flow_run
    assert (found[of_flow].task_run_id, str(found[of_task].task_run_id)) == (None, task_run)
    outside = create_markdown_artifact("outside")
    [alone] = client.read_artifacts(artifact_filter=ArtifactFilter(id={"any_": [outside]}))
    assert (alone.flow_run_id, alone.task_run_id, alone.data) == (None, None, "outside")
    ids = {"id": {"any_": [flow_run]}}
    assert len(client.read_artifacts(flow_run_filter=FlowRunFilter(**ids))) == 2
    ids = {"id": {"any_": [task_run]}}
    assert [a.id for a in client.read_artifacts(task_run_filter=TaskRunFilter(**ids))] == [of_task]


def test_artifacts_of_a_run_are_facts_of_its_journal(client, monkeypatch):
    """They cost no round trip: within the flow nothing is sent."""
    sent = []

    @flow
    def work():
        from legato._backend import current

        backend = current.current()
        monkeypatch.setattr(backend, "send", sent.append)
        for n in range(300):
            create_markdown_artifact(str(n), key="counted")
        progress = create_progress_artifact(0.0, key="progress")
        update_progress_artifact(progress, 40.0)
        update_progress_artifact(progress, 80.0, description="nearly")
        monkeypatch.undo()

    home = os.environ["LEGATO_HOME"]
    work()
    monkeypatch.setenv("LEGATO_HOME", home)
    assert sent == []
    assert Artifact.get("counted").data == "299"
    progress = Artifact.get("progress")
    assert (str(progress.data), progress.description) == ("80", "nearly")
    latest = client.read_latest_artifacts()
    assert [(found.key, found.data) for found in latest] == [("progress", 80.0), ("counted", "299")]


KILLED = """
import os, signal
from legato import flow
from legato.artifacts import create_markdown_artifact
from legato._backend.current import current
@flow
def work():
    create_markdown_artifact("kept", key="kept")
    current().journal.flush()
    os.kill(os.getpid(), signal.SIGKILL)
work()
"""


def test_an_artifact_survives_its_killed_process():
    done = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Artifact.get("kept").data == "kept"


@pytest.mark.parametrize(
    ("create", "args", "kind", "data"),
    [
        (create_markdown_artifact, ["# x"], "markdown", "# x"),
        (create_link_artifact, ["http://x"], "markdown", "[http://x](http://x)"),
        (create_link_artifact, ["http://x", "text"], "markdown", "[text](http://x)"),
        (create_image_artifact, ["http://x/y.png"], "image", "http://x/y.png"),
        (create_progress_artifact, [50], "progress", 50.0),
        (create_table_artifact, [[{"a": 1.5, "b": None}]], "table", '[{"a": 1.5, "b": null}]'),
        (create_table_artifact, [{"a": [float("nan")]}], "table", '{"a": [null]}'),
        (create_table_artifact, [[["ä", 1]]], "table", '[["ä", 1]]'),
    ],
)
def test_what_each_kind_holds(client, create, args, kind, data):
    made = create(*args, description="d")
    [found] = client.read_artifacts()
    assert (found.id, found.type, found.data, found.description) == (made, kind, data, "d")


def test_the_async_twins(client):
    async def make():
        made = [
            await acreate_markdown_artifact("m"),
            await acreate_link_artifact("l"),
            await acreate_image_artifact("i"),
            await acreate_table_artifact([[1]]),
            await acreate_progress_artifact(1),
        ]
        assert await aupdate_progress_artifact(made[-1], 2) == made[-1]
        found, created = await Artifact.aget_or_create(key="k", data={"x": 1}, type="json")
        assert (created, found.data) == (True, {"x": 1})
        again, created = await Artifact.aget_or_create(key="k", data="other")
        assert (created, again.id) == (False, found.id)
        assert await Artifact.aget("none") is None
        return made

    made = asyncio.run(make())
    data = {artifact.id: artifact.data for artifact in client.read_artifacts()}
    assert [data[artifact] for artifact in made] == ["m", "[l](l)", "i", "[[1]]", 2.0]


def test_get_or_create_keeps_text_as_it_is():
    made, created = Artifact.get_or_create(key="k", type="markdown", data="one")
    again, created_again = Artifact.get_or_create(key="k", type="markdown", data="two")
    assert (made.data, again.data, created, created_again) == ("one", "one", True, False)
    assert Artifact.get(None) is None


@pytest.mark.parametrize("key", ["Upper", "under_score", "a b", "a/b", "", "ä"])
def test_a_bad_key_is_refused_where_it_is_written(client, key):
    @flow
    def work():
        create_markdown_artifact("x", key=key)

    with pytest.raises(ValidationError, match="lowercase letters, digits and dashes"):
        work()
    assert client.read_artifacts() == []


@pytest.mark.parametrize("progress", [101, -0.1, float("nan")])
def test_a_percentage_that_is_none_is_refused(progress):
    with pytest.raises(ValidationError, match="from 0 to 100"):
        create_progress_artifact(progress)
    made = create_progress_artifact(5)
    with pytest.raises(ValidationError, match="from 0 to 100"):
        update_progress_artifact(made, progress)


def test_what_changes_after_the_call_does_not_reach_the_artifact(client):
    @flow
    def work():
        data = {"x": [1]}
        Artifact(key="data", data=data).create()
        data["x"].append(2)

    work()
    assert Artifact.get("data").data == {"x": [1]}


def test_an_unknown_artifact_cannot_be_changed():
    made = create_progress_artifact(5)
    with get_client(sync_client=True) as client:
        client.delete_artifact(made)
        with pytest.raises(ObjectNotFound, match=str(made)):
            update_progress_artifact(made, 6)
        with pytest.raises(ObjectNotFound):
            client.delete_artifact(made)


def test_artifacts_are_records():
    made = LinkArtifact(link="x", key="k").create()
    assert made.model_dump()["key"] == "k"
    assert MarkdownArtifact(markdown="x").type == "markdown"
    with pytest.raises(ValidationError, match="markdown"):
        MarkdownArtifact(markdown=3)
    with pytest.raises(ValidationError, match="colour"):
        MarkdownArtifact(markdown="x", colour="red")


def test_what_a_flow_makes_is_told_of_with_its_records(rows):
    """Embedded, nobody else tells of artifacts and flows, so the journal's records do."""

    @flow
    def report():
        create_markdown_artifact("# 1", key="report")
        create_markdown_artifact("# 2", key="report")
        return create_progress_artifact(0.0)

    update_progress_artifact(report(), 50.0)
    told = rows("SELECT event, resource_id, payload FROM event ORDER BY position")
    assert sorted(name.removeprefix("prefect.") for name, *_ in told) == [
        "artifact-collection.created",
        "artifact-collection.updated",
        "artifact.created",
        "artifact.created",
        "artifact.created",
        "artifact.updated",
        "flow.created",
    ]
    ids = {name: resource_id for name, resource_id, _ in told}
    [(flow_id,)] = rows("SELECT lower(hex(id)) FROM flow")
    assert ids["prefect.flow.created"].replace("-", "") == f"prefect.flow.{flow_id}"
    assert json.loads(told[-1][2]) == {"data": 50.0}
    report()
    assert rows("SELECT count(*) FROM event WHERE event = 'prefect.flow.created'") == [(1,)]
