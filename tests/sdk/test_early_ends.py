"""Flows that end early: what becomes of the async tasks that they have submitted; prompts."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato.exceptions import FlowRunTimeoutError
from tests.chaos.processes import Actor
from tests.chaos.verdict import look, problems

if TYPE_CHECKING:
    from pathlib import Path

Rows = Callable[..., list[tuple[Any, ...]]]
CANCELLED = "Execution was cancelled by the runtime environment."
INTERRUPTED = "Execution was aborted by an interrupt signal."
TASKS = "select distinct state_type, state_message from task_run"


class Endless:
    """A task that never ends by itself, and what it saw."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.begun = self.cleaned_up = 0
        self.task = task(self.endless)

    async def endless(self, n: int) -> None:
        self.begun += 1
        self.began.release()
        try:
            await asyncio.sleep(600)
        finally:
            self.cleaned_up += 1


def test_async_tasks_of_an_async_flow_that_times_out_are_cancelled(rows: Rows) -> None:
    endless = Endless()

    @flow(timeout_seconds=0.2)
    async def timed() -> None:
        endless.task.map(range(3))
        await asyncio.sleep(600)

    with pytest.raises(FlowRunTimeoutError):
        asyncio.run(timed())
    assert endless.cleaned_up == endless.begun > 0
    assert rows(TASKS) == [("CRASHED", CANCELLED)]
    assert rows("select state_name from flow_run") == [("TimedOut",)]


def test_async_tasks_of_a_sync_flow_that_times_out_are_cancelled(rows: Rows) -> None:
    endless = Endless()

    @flow(timeout_seconds=0.5)
    def timed() -> None:
        futures = endless.task.map(range(3))
        futures.wait()

    with pytest.raises(FlowRunTimeoutError):
        timed()
    assert endless.cleaned_up == endless.begun > 0
    assert rows(TASKS) == [("CRASHED", CANCELLED)]


def test_async_tasks_of_a_flow_that_is_cancelled_are_cancelled(rows: Rows) -> None:
    endless = Endless()

    @flow
    async def whole() -> None:
        await endless.task.map(range(2))

    async def cancel_it() -> None:
        running = asyncio.create_task(whole())
        for _ in range(2):
            await asyncio.to_thread(endless.began.acquire)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel_it())
    assert endless.cleaned_up == 2
    assert rows(TASKS) == [("CRASHED", CANCELLED)]
    assert rows("select state_message from flow_run") == [(CANCELLED,)]


def test_async_tasks_of_a_flow_that_fails_are_waited_for(rows: Rows) -> None:
    """As tasks in threads are: they may do something that must not be left half done."""
    gate = asyncio.Event()

    @task
    async def slow() -> int:
        gate.set()
        await asyncio.sleep(0.05)
        return 1

    @flow
    async def failing() -> None:
        slow.submit()
        await gate.wait()
        raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(failing())
    assert rows(TASKS) == [("COMPLETED", None)]


PROMPT = """import threading, time
from legato import flow, task
@task
def nap():
    threading.Timer(0.1, print, ("ready",), {"flush": True}).start()
    time.sleep(600)

@flow
def f():
    nap()

f()
"""


def test_ctrl_c_at_a_prompt_ends_the_flow_and_the_prompt_goes_on(home: Path) -> None:
    actor = Actor(home, "-i")
    try:
        actor.tell(PROMPT)
        for _ in range(2):
            actor.until("ready")
            actor.signal(signal.SIGINT)
            actor.tell("f()")
        actor.until("ready")
        actor.signal(signal.SIGINT)
        actor.tell("print('still here', flush=True)")
        actor.until("still here")
        actor.tell("exit()")
        assert actor.ends() == 0
        assert "/legato/" not in actor.errors()
    finally:
        actor.close()
    found = look(home, "select state_type, state_message from flow_run")
    assert found == [("CRASHED", INTERRUPTED)] * 3
    assert problems(home) == []


IPYTHON = """
import asyncio, threading, time
from legato import flow, task

def ready():
    # the line that is waited for must not be one that a traceback shows
    threading.Timer(0.1, print, ("now " + "ready",), {"flush": True}).start()

@task
def nap():
    time.sleep(600)

@task
async def anap():
    await asyncio.sleep(600)

@flow
def f():
    ready()
    nap()

@flow
async def g():
    ready()
    await anap()

@flow
async def h():
    ready()
    nap()
"""


def skip_to(actor: Actor, word: str) -> None:
    """Skip lines of IPython; a prompt may stand before what is looked for."""
    while True:
        line = actor.line()
        assert line is not None, actor.errors()
        if line.endswith(word):
            return


def test_ctrl_c_in_ipython_reaches_awaited_flows_too(home: Path) -> None:
    pytest.importorskip("IPython", reason="needs IPython")
    (home / "naps.py").write_text(IPYTHON)
    path = os.pathsep.join([str(home), os.environ.get("PYTHONPATH", "")])
    actor = Actor(
        home, "-m", "IPython", "--simple-prompt", "--no-banner", PYTHONPATH=path, HOME=str(home)
    )
    try:
        actor.tell("from naps import f, g, h")
        for call in ("f()", "await g()", "await h()"):
            actor.tell(call)
            skip_to(actor, "now ready")
            actor.signal(signal.SIGINT)
        actor.tell("print('still', 'here')")
        skip_to(actor, "still here")
        actor.tell("exit")
        assert actor.ends() == 0
    finally:
        actor.close()
    query = "select r.state_type, r.state_message from {} r where r.end_at is not null"
    assert look(home, query.format("flow_run")) == [("CRASHED", INTERRUPTED)] * 3
    assert look(home, query.format("task_run")) == [("CRASHED", INTERRUPTED)] * 3
    assert problems(home) == []
