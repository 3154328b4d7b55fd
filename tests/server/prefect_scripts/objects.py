"""What Prefect's client makes of variables, artifacts, limits, logs, results and subflows."""

import json
import logging
from uuid import UUID

from prefect import flow, get_client, get_run_logger, task
from prefect.artifacts import (
    Artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run, task_run
from prefect.variables import Variable

client = get_client(sync_client=True)
said = {}


def variables():
    Variable.set("answer", 41)
    Variable.set("answer", {"n": 42}, tags=["t"], overwrite=True)
    try:
        Variable.set("answer", 1)
    except ValueError as error:
        said["variable_twice"] = "already exists" in str(error)
    said["variable"] = Variable.get("answer")
    said["variable_missing"] = Variable.get("none", default="nothing")
    Variable.unset("answer")
    said["variable_gone"] = Variable.get("answer")


@task(tags=["db"])
def limited():
    (held,) = [limit for limit in client.read_concurrency_limits(10, 0) if limit.tag == "db"]
    return [str(run_id) for run_id in held.active_slots] == [task_run.id]


@task
def shown():
    create_markdown_artifact("# one", key="report")
    create_markdown_artifact("# two", key="report", description="second")
    create_table_artifact([{"a": 1}])
    progress = create_progress_artifact(10.0, key="progress")
    update_progress_artifact(progress, 90.0)


@flow(persist_result=True)
def child(x):
    return {"x": x}


@flow(persist_result=True)
def parent():
    get_run_logger().warning("beware")
    shown()
    said["tag_held"] = limited()
    with concurrency("gcl", occupy=2):
        said["slots"] = client.read_global_concurrency_limit_by_name("gcl").active_slots
    rate_limit("rate")
    return flow_run.get_id(), child(7)


def limits():
    client.create_concurrency_limit(tag="db", concurrency_limit=1)
    for name, more in (("gcl", {}), ("rate", {"slot_decay_per_second": 1.0})):
        given = GlobalConcurrencyLimitCreate(name=name, limit=3, **more)
        client.create_global_concurrency_limit(given)


def looked_at(run_id):
    run = client.read_flow_run(UUID(run_id))
    said["result"] = run.state.result()[1]
    said["data"] = type(run.state.data).__name__
    latest = Artifact.get("report")
    said["artifact"] = [latest.data, latest.description]
    said["progress"] = Artifact.get("progress").data
    said["slots_after"] = client.read_global_concurrency_limit_by_name("gcl").active_slots
    client.delete_concurrency_limit_by_tag("db")
    try:
        client.read_concurrency_limit_by_tag("db")
    except ObjectNotFound:
        said["limit_gone"] = True
    logging.shutdown()
    lines = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
    said["logged"] = sorted({line.level for line in lines if line.message == "beware"})


variables()
limits()
run_id, value = parent()
said["value"] = value
looked_at(run_id)
print(json.dumps({"id": run_id, **said}))
