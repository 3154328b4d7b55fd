"""Timeouts: on the main thread, in other threads, on a loop, and one inside another."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from legato import flow, get_run_logger, task
from legato._sdk import at_work
from legato._sdk.at_work import is_ours
from legato.exceptions import FlowRunTimeoutError, TaskRunTimeoutError

# the plugin's own alarm would take the signal that these tests are about
pytestmark = pytest.mark.timeout(30, method="thread")

Rows = Callable[..., list[tuple[Any, ...]]]
LONG = 30
NAMES = "select name from task_run_state order by position"
FLOW_NAMES = "select name from flow_run_state order by position"
TIMED_OUT = [("Pending",), ("Running",), ("TimedOut",)]


class Watch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


@task(timeout_seconds=0.1)
def sleeper() -> None:
    time.sleep(LONG)


@task
def quick() -> int:
    return 1


def test_a_blocking_call_on_the_main_thread_is_interrupted(rows: Rows) -> None:
    watch = Watch()
    with pytest.raises(TaskRunTimeoutError, match=r"exceeded timeout of 0.1 second"):
        sleeper()
    assert 0.1 <= watch.seconds < 5
    assert rows(NAMES) == TIMED_OUT
    message = "Task run exceeded timeout of 0.1 second(s)"
    assert rows("select state_type, state_message from task_run") == [("FAILED", message)]
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_alarm_that_was_missed_comes_again(rows: Rows) -> None:
    """CPython misses a signal that comes in the very moment in which a wait begins."""

    @task(timeout_seconds=0.1)
    def deaf() -> None:
        handler = signal.signal(signal.SIGALRM, lambda *_: None)
        time.sleep(0.2)  # it comes and goes
        signal.signal(signal.SIGALRM, handler)
        time.sleep(LONG)

    watch = Watch()
    with pytest.raises(TaskRunTimeoutError):
        deaf()
    assert watch.seconds < LONG
    assert rows(NAMES) == TIMED_OUT
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_flow_times_out_inside_its_task(rows: Rows) -> None:
    @task
    def endless() -> None:
        time.sleep(LONG)

    @flow(timeout_seconds=0.1)
    def hasty() -> None:
        endless()

    watch = Watch()
    with pytest.raises(FlowRunTimeoutError):
        hasty()
    assert watch.seconds < 5
    assert rows(FLOW_NAMES) == TIMED_OUT
    assert rows(NAMES)[-1] == ("Crashed",)


def test_user_code_cannot_swallow_it_by_accident() -> None:
    @task(timeout_seconds=0.1)
    def stubborn() -> str:
        try:
            time.sleep(LONG)
        except Exception:  # noqa: BLE001 - what careless code does
            return "swallowed"
        return "slept"

    with pytest.raises(TaskRunTimeoutError):
        stubborn()


def test_clean_up_runs(rows: Rows) -> None:
    cleaned = []

    @task(timeout_seconds=0.1)
    def careful() -> None:
        try:
            time.sleep(LONG)
        finally:
            cleaned.append(True)

    with pytest.raises(TaskRunTimeoutError):
        careful()
    assert cleaned == [True]


def test_in_another_thread_it_arrives_between_two_steps(rows: Rows) -> None:
    """A blocking call there cannot be interrupted; a loop can."""

    @task(timeout_seconds=0.1)
    def looping() -> None:
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            pass

    watch = Watch()
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(looping, return_state=True) for _ in range(2)]
        states = [future.result() for future in futures]
    assert [state.name for state in states] == ["TimedOut", "TimedOut"]
    assert watch.seconds < 10
    assert rows("select distinct state_name from task_run") == [("TimedOut",)]


def test_a_call_that_ends_in_time_in_another_thread_is_left_alone() -> None:
    @task(timeout_seconds=0.05)
    def brief(n: int) -> int:
        return n

    def many() -> list[int]:
        found = [brief(n) for n in range(50)]
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        return found

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(many).result() == list(range(50))


def test_async_tasks_time_out_on_their_own(rows: Rows) -> None:
    @task
    async def nap(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    hasty = nap.with_options(timeout_seconds=0.1)

    @flow
    async def both() -> list[Any]:
        return await asyncio.gather(hasty(LONG), nap(0.2), return_exceptions=True)

    watch = Watch()
    failed, slept = asyncio.run(both())
    assert isinstance(failed, TaskRunTimeoutError)
    assert slept == 0.2
    assert watch.seconds < 5
    states = rows("select state_name from task_run order by state_name")
    assert states == [("Completed",), ("TimedOut",)]


def test_an_async_flow_times_out_with_its_tasks(rows: Rows) -> None:
    @task
    async def nap() -> None:
        await asyncio.sleep(LONG)

    @flow(timeout_seconds=0.1)
    async def hasty() -> None:
        await asyncio.gather(nap(), nap())

    with pytest.raises(FlowRunTimeoutError):
        asyncio.run(hasty())
    assert rows(FLOW_NAMES) == TIMED_OUT
    assert rows("select distinct state_name from task_run") == [("Crashed",)]


@pytest.mark.parametrize(
    ("of_flow", "of_task", "flow_error"),
    [(0.1, LONG, FlowRunTimeoutError), (LONG, 0.1, TaskRunTimeoutError)],
)
def test_the_shorter_of_two_fires(
    rows: Rows, of_flow: float, of_task: float, flow_error: type[Exception]
) -> None:
    """The run that it belongs to is TimedOut; the other one is not."""

    @task(timeout_seconds=of_task)
    def inner() -> None:
        time.sleep(LONG)

    @flow(timeout_seconds=of_flow)
    def outer() -> None:
        inner()

    watch = Watch()
    with pytest.raises(flow_error):
        outer()
    assert watch.seconds < 5
    flow_name, task_name = rows(FLOW_NAMES)[-1], rows(NAMES)[-1]
    expected = ("TimedOut", "Crashed") if of_flow < of_task else ("Failed", "TimedOut")
    assert (flow_name[0], task_name[0]) == expected


def test_the_outer_one_goes_on_after_the_inner_one(rows: Rows) -> None:
    @flow(timeout_seconds=0.4)
    def outer() -> None:
        assert sleeper(return_state=True).name == "TimedOut"
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        time.sleep(LONG)

    watch = Watch()
    with pytest.raises(FlowRunTimeoutError):
        outer()
    assert 0.4 <= watch.seconds < 5


def test_a_timeout_of_a_subflow_fails_only_that(rows: Rows) -> None:
    @flow(timeout_seconds=0.1)
    def inner() -> None:
        quick()
        time.sleep(LONG)

    @flow(timeout_seconds=LONG)
    def outer() -> str:
        return inner(return_state=True).name

    assert outer() == "TimedOut"
    states = rows("select state_name from flow_run order by created_at")
    assert sorted(states) == [("Completed",), ("TimedOut",)]


def test_every_try_has_its_own_time(rows: Rows) -> None:
    tries = []

    @task(timeout_seconds=0.1, retries=2)
    def late() -> str:
        tries.append(len(tries))
        if len(tries) < 3:
            time.sleep(LONG)
        return "at last"

    assert late() == "at last"
    assert tries == [0, 1, 2]
    names = [name for (name,) in rows(NAMES)]
    assert names == ["Pending", "Running", "Retrying", "Retrying", "Completed"]


def test_a_task_that_never_makes_it_ends_timed_out(rows: Rows) -> None:
    assert sleeper.with_options(retries=1)(return_state=True).name == "TimedOut"
    assert [name for (name,) in rows(NAMES)] == ["Pending", "Running", "Retrying", "TimedOut"]
    [(line,)] = rows("select message from log where message like '%exhausted%'") or [("",)]
    assert "timeout" in line or line == ""  # a task outside of a flow has no log rows


def test_a_handler_of_the_users_is_left_alone(rows: Rows) -> None:
    """SIGALRM is theirs then: the timeout arrives between two steps, as in other threads."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        mine = signal.getsignal(signal.SIGALRM)

        @task(timeout_seconds=0.1)
        def looping() -> None:
            end = time.monotonic() + LONG
            while time.monotonic() < end:
                assert signal.getsignal(signal.SIGALRM) is mine

        with pytest.raises(TaskRunTimeoutError):
            looping()
        assert signal.getsignal(signal.SIGALRM) is mine
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("where", ["on the main thread", "in another thread"])
def test_an_alarm_in_the_middle_of_our_own_work_waits_for_the_users(rows: Rows, where: str) -> None:
    """Raised between two statements of ours it would lose a transition or leave a run open."""

    @flow(timeout_seconds=0.02)
    def busy() -> None:
        while True:
            quick()
            small()

    @flow
    def small() -> None:
        quick()

    def often() -> list[str]:
        return [busy(return_state=True).name for _ in range(20)]

    with ThreadPoolExecutor(1) as pool:
        names = often() if where == "on the main thread" else pool.submit(often).result()
    assert names == ["TimedOut"] * 20
    assert rows("select count(*) from flow_run where end_at is null") == [(0,)]
    assert rows("select count(*) from task_run where end_at is null") == [(0,)]
    assert rows("select count(*) from quarantine") == [(0,)]
    holes = """select count(*) from (select count(*) n, max(version) v from {0}_state
               where version is not null group by {0}_id) where n <> v"""
    assert rows(holes.format("flow_run")) == rows(holes.format("task_run")) == [(0,)]
    timed_out = "select count(*) from flow_run where state_name = 'TimedOut'"
    assert rows(timed_out) == [(20,)]


def test_an_alarm_waits_while_a_handler_of_logging_is_being_locked() -> None:
    """Raised between a handler's acquire and its try it would stop every thread that logs."""
    asked: dict[str, bool] = {}

    class Lock:
        def acquire(self) -> None:
            asked["locking"] = is_ours(sys._getframe(1))

        def release(self) -> None:
            pass

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            asked["emitting"] = is_ours(sys._getframe())

    handler = Handler()
    handler.lock = Lock()  # type: ignore[assignment]
    log = logging.getLogger("locking")
    log.addHandler(handler)
    try:
        flow(lambda: log.error("x"), name="talks")()
    finally:
        log.removeHandler(handler)
    assert asked == {"locking": True, "emitting": False}


class Came(BaseException):
    """What an alarm raises."""


class Late:
    """An alarm that came while the logging module or our own code was at work."""

    def __init__(self) -> None:
        self.thread_id = threading.get_ident()

    def take(self) -> BaseException:
        return Came()


@pytest.mark.parametrize("line", ["of a logger", "of the run's logger", "printed"])
def test_an_alarm_that_came_in_a_line_is_raised_at_the_next_one(line: str) -> None:
    went_on: list[bool] = []

    @task(log_prints=True)
    def talks() -> None:
        log: Any = logging.getLogger("talks") if line == "of a logger" else get_run_logger()
        say = print if line == "printed" else log.info
        at_work.hold(Late())
        say("x")
        went_on.append(True)

    try:
        with pytest.raises(Came):
            talks()
    finally:
        at_work.held.clear()
    assert not went_on


def test_lines_of_our_own_raise_no_alarm(rows: Rows) -> None:
    late = Late()

    @flow
    def ends() -> int:
        at_work.hold(late)
        return 1

    try:
        assert ends() == 1
        assert at_work.held == [late]
    finally:
        at_work.held.clear()
    assert ("Finished in state Completed()",) in rows("select message from log")


def test_an_outer_one_in_another_thread_is_not_taken_for_the_inner_one(rows: Rows) -> None:
    @task(timeout_seconds=LONG)
    def inner() -> None:
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            pass

    @flow(timeout_seconds=0.1)
    def outer() -> None:
        inner()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(outer, return_state=True).result().name == "TimedOut"
    assert rows(FLOW_NAMES)[-1] == ("TimedOut",)
    assert rows(NAMES)[-1] == ("Crashed",)


def test_many_threads_with_timeouts_of_which_half_fire(rows: Rows) -> None:
    """None of them hits another thread, or the code after the task."""
    barrier = threading.Barrier(8)

    @task(timeout_seconds=0.05)
    def spin(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    def work(n: int) -> list[str]:
        barrier.wait()
        names = [spin(0.0 if k % 2 else LONG, return_state=True).name for k in range(4)]
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            pass
        return names

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    firsts = {(names[0], names[2]) for names in found}
    assert firsts == {("TimedOut", "TimedOut")}
    assert set(rows("select state_type from task_run")) <= {("COMPLETED",), ("FAILED",)}
