"""What the type checkers make of all that stands around flows and tasks; never run."""

from __future__ import annotations

from typing import Any, assert_type
from uuid import UUID

from legato import State, flow, get_client, get_run_logger, tags, task
from legato.artifacts import acreate_link_artifact, create_markdown_artifact
from legato.client import Client, SyncClient
from legato.client.schemas.objects import FlowRun
from legato.concurrency import asyncio as alimits
from legato.concurrency import sync as limits
from legato.context import FlowRunContext
from legato.logging import get_logger
from legato.runtime import flow_run
from legato.states import Completed, Failed
from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from legato.tasks import Task, exponential_backoff
from legato.testing import harness
from legato.variables import Variable


@task(retries=3, retry_delay_seconds=exponential_backoff(2), tags={"a"})
def add(a: int) -> int:
    return a


def named(parameters: dict[str, Any]) -> str:
    return str(parameters)


def retried(tsk: Task[..., Any], run: Any, state: State) -> bool:
    return state.is_failed()


def ended(flw: Any, run: FlowRun, state: State) -> None: ...


@task(task_run_name=named, retry_condition_fn=retried, on_failure=[ended])
async def fetch(url: str) -> bytes:
    return url.encode()


@flow(
    flow_run_name="of-{day}",
    task_runner=ThreadPoolTaskRunner(max_workers=3),
    on_completion=[ended],
    log_prints=True,
)
def daily(day: str) -> int:
    return len(day)


@daily.on_failure
@daily.on_cancellation
@add.on_running
def told(flw: Any, run: FlowRun, state: State) -> str:
    return run.name


def options(run: FlowRun, state: State) -> None:
    assert_type(told(daily, run, state), str)
    assert_type(add(1), int)
    assert_type(daily("x"), int)
    assert_type(daily.with_options(task_runner=ProcessPoolTaskRunner())("x"), int)
    assert_type(daily.generate_mermaid_graph("x"), str)


async def aoptions() -> None:
    assert_type(await fetch("x"), bytes)


def states(state: State) -> None:
    assert_type(state.result(), Any)
    assert_type(state.exception(), BaseException)
    assert_type(Completed(message="x"), State)
    assert_type(Failed(message="x").is_failed(), bool)
    assert_type(state.name, str)


def blocks() -> None:
    with tags("a", "b") as all_tags:
        assert_type(all_tags, set[str])
    with limits.concurrency("database", occupy=1, timeout_seconds=2):
        limits.rate_limit("api")
    with harness():
        assert_type(flow_run.name, str | None)


async def ablocks() -> None:
    async with alimits.concurrency(["database", "api"]):
        await alimits.rate_limit("api")


def objects() -> None:
    assert_type(Variable.set("region", "eu"), Variable)
    Variable.get("region", default="eu")
    assert_type(Variable.unset("region"), bool)
    assert_type(create_markdown_artifact("# done", key="report"), UUID)


async def aobjects() -> None:
    assert_type(await Variable.aunset("region"), bool)
    assert_type(await acreate_link_artifact("https://example.org"), UUID)


def clients(run_id: UUID) -> None:
    with get_client(sync_client=True) as client:
        assert_type(client, SyncClient)
        assert_type(client.read_flow_run(run_id), FlowRun)
        assert_type(client.read_flow_runs(limit=5), list[FlowRun])


async def aclients(run_id: UUID) -> None:
    async with get_client() as client:
        assert_type(client, Client)
        assert_type(await client.read_flow_run(run_id), FlowRun)


def contexts() -> None:
    assert_type(FlowRunContext.get(), FlowRunContext | None)
    get_run_logger().info("started")
    get_logger("mine").warning("x")
