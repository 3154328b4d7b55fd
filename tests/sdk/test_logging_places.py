"""Where a line may be logged: the context tells whose it is, however unusual the place."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, get_run_logger, task

if TYPE_CHECKING:
    from pathlib import Path

Rows = Callable[..., list[tuple[Any, ...]]]
WHOSE = """
select message, coalesce(t.name, f.name) from log
left join flow_run f on f.id = log.flow_run_id left join task_run t on t.id = log.task_run_id
where log.name = 'places' order by log.writer_id, log.seq
"""
log = logging.getLogger("places")
logs_while_it_logs = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="the module drops what is logged while it logs"
)


def test_a_subflow_and_its_tasks_have_lines_of_their_own(rows: Rows) -> None:
    @task(task_run_name="the task")
    def step() -> None:
        log.info("3")

    @flow(flow_run_name="the subflow")
    def inner() -> None:
        log.info("2")
        step.submit().result()
        log.info("4")

    @flow(flow_run_name="the flow")
    def outer() -> None:
        log.info("1")
        inner()
        log.info("5")

    outer()
    names = ["the flow", "the subflow", "the task", "the subflow", "the flow"]
    assert rows(WHOSE) == [(str(n), name) for n, name in enumerate(names, 1)]


def test_hooks_log_under_the_run_whose_end_they_see(rows: Rows) -> None:
    def on_failure(*_: object) -> None:
        log.warning("hook of the task")

    def on_completion(*_: object) -> None:
        log.warning("hook of the flow")
        get_run_logger().info("its logger too")

    @task(task_run_name="the task", on_failure=[on_failure])
    def step() -> None:
        raise ValueError

    @flow(flow_run_name="the flow", on_completion=[on_completion])
    def outer() -> int:
        step(return_state=True)
        return 1

    outer()
    assert rows(WHOSE) == [("hook of the task", "the task"), ("hook of the flow", "the flow")]
    found = rows("select message from log where flow_run_id is not null and message like 'its%'")
    assert found == [("its logger too",)]


def test_threads_of_the_user_log_for_a_run_if_they_have_its_context(rows: Rows) -> None:
    @flow(flow_run_name="the flow")
    def outer() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(log.warning, "no context").result()
            pool.submit(copy_context().run, log.info, "with the context").result()

    outer()
    assert rows(WHOSE) == [("with the context", "the flow")]


def test_callbacks_of_asyncio_log_for_the_run_that_made_them(rows: Rows) -> None:
    @task(task_run_name="the task")
    async def step() -> None:
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        loop.call_soon(log.info, "call_soon")
        ended = asyncio.ensure_future(asyncio.sleep(0))
        ended.add_done_callback(lambda _: (log.info("done"), called.set()))
        await called.wait()
        await asyncio.to_thread(log.info, "to_thread")
        await loop.run_in_executor(None, log.warning, "an executor has no context")

    @flow
    async def outer() -> None:
        await asyncio.create_task(step())

    asyncio.run(outer())
    assert rows(WHOSE) == [(m, "the task") for m in ("call_soon", "done", "to_thread")]


def test_tasks_side_by_side_keep_their_lines_apart(rows: Rows) -> None:
    together = threading.Barrier(3)

    @task(task_run_name="{name}")
    def step(name: str) -> None:
        together.wait(10)
        for _ in range(20):
            log.info(name)

    @flow
    def outer() -> None:
        for future in step.map(["a", "b", "c"]):
            future.result()

    outer()
    found = rows(WHOSE)
    assert sorted(found) == sorted((name, name) for name in "abc" for _ in range(20))


def test_generators_log_for_their_run_between_two_items(rows: Rows) -> None:
    @task(task_run_name="the task")
    def items() -> Generator[int]:
        log.info("before the first")
        yield 1
        log.info("after the first")

    @flow(flow_run_name="the flow")
    def outer() -> None:
        for _ in items():
            log.info("in the loop")

    outer()
    assert rows(WHOSE) == [
        ("before the first", "the task"),
        ("in the loop", "the flow"),
        ("after the first", "the task"),
    ]


@logs_while_it_logs
def test_a_finaliser_logs_for_the_run_that_it_comes_in(rows: Rows) -> None:
    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            log.info("finalised")

    @flow(flow_run_name="the flow")
    def outer() -> None:
        Cycle()
        gc.collect()
        for _ in range(3000):  # the collector comes in while lines are written
            Cycle()
            log.debug("not kept")
            log.info("line")
        gc.collect()

    outer()
    found = rows(WHOSE)
    assert 2 < found.count(("finalised", "the flow")) <= 3001  # other threads collect, too
    assert {whose for what, whose in found if what == "finalised"} == {"the flow"}
    assert found.count(("line", "the flow")) == 3000


@logs_while_it_logs
def test_a_signal_handler_logs_while_a_line_is_logged(rows: Rows) -> None:
    came: list[int] = []

    def on_signal(*_: object) -> None:
        came.append(1)
        log.info("signal")

    @task(task_run_name="the task")
    def step() -> int:
        lines = 0
        signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
        while len(came) < 20:
            log.info("line")
            lines += 1
        signal.setitimer(signal.ITIMER_PROF, 0)
        return lines

    before = signal.signal(signal.SIGPROF, on_signal)
    try:
        lines = step()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    found = rows(WHOSE)
    assert found.count(("signal", "the task")) == len(came)
    assert found.count(("line", "the task")) == lines


@logs_while_it_logs
def test_a_handler_may_log(rows: Rows) -> None:
    class Chatty(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logging.getLogger("places.handler").warning("shown: %s", record.getMessage())

    chatty = Chatty()
    log.addHandler(chatty)

    @flow
    def outer() -> None:
        log.warning("one")

    child = logging.getLogger("places.handler")
    child.propagate = False
    try:
        outer()
    finally:
        child.propagate = True
        log.removeHandler(chatty)
    assert [message for message, _ in rows(WHOSE)] == ["one"]
    assert rows("select message from log where name = 'places.handler'") == [("shown: one",)]


def test_what_handlers_and_filters_print_is_not_logged_once_more(
    rows: Rows, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Printing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print("shown:", record.getMessage())

    def printing(record: logging.LogRecord) -> bool:
        print("seen:", record.getMessage())
        return True

    @flow(log_prints=True)
    def outer() -> None:
        log.warning("one")
        print("two")

    runs = logging.getLogger("legato.flow_runs")
    monkeypatch.setattr(logging.root, "handlers", [Printing()])
    monkeypatch.setattr(runs, "filters", [printing])
    outer()
    out = capsys.readouterr().out.splitlines()
    assert [line for line in out if "flow" not in line and "Finished" not in line] == [
        "shown: one",
        "seen: two",
        "shown: two",
    ]
    found = [message for (message,) in rows("select message from log order by writer_id, seq")]
    assert [line for line in found if line.endswith(("one", "two"))] == ["one", "two"]


def test_a_module_that_a_flow_imports_logs_for_it(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "import logging; logging.getLogger('places').info('imported')\n"
    (tmp_path / "imported_by_a_flow.py").write_text(line)
    monkeypatch.syspath_prepend(tmp_path)

    @flow(flow_run_name="the flow")
    def outer() -> None:
        __import__("imported_by_a_flow")

    outer()
    del sys.modules["imported_by_a_flow"]
    __import__("imported_by_a_flow")
    assert rows(WHOSE) == [("imported", "the flow")]
