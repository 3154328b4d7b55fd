"""Flows in the cells of a notebook, with a real kernel."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.verdict import count, look, problems
from tests.sdk.kernels import DEADLINE, Kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("jupyter_client", reason="needs jupyter_client")
pytest.importorskip("ipykernel", reason="needs ipykernel")

INTERRUPTED = ("CRASHED", "Execution was aborted by an interrupt signal.")
SOURCE = "/legato/_sdk/"
SETUP = """
import asyncio, os, threading, time
from legato import flow, task
from legato.task_runners import ProcessPoolTaskRunner

@task
def step(n):
    return n

@task
async def astep(n):
    return n

def ready():
    # once the thread waits: CPython loses a signal that comes as a wait begins
    threading.Timer(0.1, sign, ("ready",)).start()

@task
def sleepy(n=0):
    started.release()
    time.sleep(600)

@task
async def asleepy(n=0):
    started.release()
    await asyncio.sleep(600)

started = threading.Semaphore(0)
flow(lambda: step(0), name="first")()  # there is a database from now on
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests that leave it as it was."""
    running = Kernel(tmp_path_factory.mktemp("notebook"))
    try:
        assert running.run(SETUP).status == "ok"
        yield running
    finally:
        running.close()


def runs(kernel: Kernel, name: str) -> list[tuple[str, str | None]]:
    """Return state and message of the runs of a flow, from another process."""
    query = """
        select r.state_type, r.state_message from flow_run r
        join flow f on f.id = r.flow_id where f.name = ? order by r.id"""
    return look(kernel.home, query, name)


def tasks(kernel: Kernel, name: str) -> set[tuple[str, str | None]]:
    query = """
        select t.state_type, t.state_message from task_run t
        join flow_run r on r.id = t.flow_run_id
        join flow f on f.id = r.flow_id where f.name = ?"""
    return set(look(kernel.home, query, name))


def test_a_flow_in_a_cell_is_committed_when_the_call_returns(kernel: Kernel) -> None:
    code = "@flow(name='cell')\ndef f():\n    return step(1)\nprint(f())"
    cell = kernel.run(code)
    assert (cell.status, cell.out) == ("ok", "1\n")
    assert "Finished in state Completed()" in cell.err
    assert runs(kernel, "cell") == [("COMPLETED", None)]
    assert tasks(kernel, "cell") == {("COMPLETED", None)}


def test_a_flow_that_is_defined_anew_is_the_same_flow(kernel: Kernel) -> None:
    code = "@flow(name='again')\ndef f():\n    return {}\nprint(f())"
    assert kernel.run(code.format(1)).out == "1\n"
    assert kernel.run(code.format(2)).out == "2\n"
    assert count(kernel.home, "select count(*) from flow where name = 'again'") == 1
    assert len(runs(kernel, "again")) == 2


def test_async_flows_are_awaited_at_top_level(kernel: Kernel) -> None:
    code = (
        "@flow(name='awaited')\nasync def g():\n    return await astep.submit(3)\nprint(await g())"
    )
    cell = kernel.run(code)
    assert (cell.status, cell.out) == ("ok", "3\n")
    assert runs(kernel, "awaited") == [("COMPLETED", None)]


def test_sync_and_async_flows_share_a_cell(kernel: Kernel) -> None:
    """A loop runs in every cell; a sync flow does not mind, with async tasks neither."""
    code = """
@flow(name="sync")
def f():
    return [astep.submit(n).result() for n in range(3)]

@flow(name="async")
async def g():
    return await asyncio.gather(astep(3), astep(4))

print(f(), await g(), f())
"""
    cell = kernel.run(code)
    assert (cell.status, cell.out) == ("ok", "[0, 1, 2] [3, 4] [0, 1, 2]\n")
    assert runs(kernel, "async") == [("COMPLETED", None)]
    assert runs(kernel, "sync") == [("COMPLETED", None)] * 2


def test_another_process_sees_a_flow_while_it_runs(
    kernel: Kernel, record_property: Callable[[str, object], None]
) -> None:
    """How long that takes is recorded: it is a figure of the machine."""
    code = """
@flow(name="seen")
def f():
    for n in range(5):
        step(n)
    print(time.time(), flush=True)
    while not gone.exists():
        time.sleep(0.01)

from pathlib import Path
gone = Path({!r})
print("began", time.time(), flush=True)
f()
"""
    gone = kernel.home / "gone"
    look_again = "select count(*) from task_run where state_type = 'COMPLETED' and flow_run_id = ?"
    kernel.begin(code.format(str(gone)))
    end = time.monotonic() + DEADLINE
    while not runs_of(kernel, "seen") and time.monotonic() < end:
        pass
    began = time.time()
    [(flow_run_id, state)] = runs_of(kernel, "seen")
    while count(kernel.home, look_again, flow_run_id) < 5 and time.monotonic() < end:
        pass
    tasks_seen = time.time()
    assert state == "RUNNING"
    assert count(kernel.home, look_again, flow_run_id) == 5
    gone.touch()
    cell = kernel.end()
    assert cell.status == "ok"
    first, second = cell.out.splitlines()
    record_property("seconds_until_the_run_is_seen", began - float(first.split()[1]))
    record_property("seconds_until_its_tasks_are_seen", tasks_seen - float(second))


def runs_of(kernel: Kernel, name: str) -> list[tuple[Any, str]]:
    query = """
        select r.id, r.state_type from flow_run r
        join flow f on f.id = r.flow_id where f.name = ? and r.state_type = 'RUNNING'"""
    return look(kernel.home, query, name)


INTERRUPTS = {
    "blocked": "def f():\n    ready()\n    time.sleep(600)",
    "in_task": "def f():\n    ready()\n    sleepy()",
    "threads": "def f():\n    fs = sleepy.map(range(3))\n    got(3)\n    fs.result()",
    "settling": "def f():\n    sleepy.submit()\n    got(1)",
    "async_tasks": "def f():\n    fs = asleepy.map(range(3))\n    got(3)\n    fs.result()",
    "awaiting": "async def f():\n    ready()\n    await asyncio.sleep(600)",
    "gathering": "async def f():\n    ready()\n    await asyncio.gather(asleepy(), asleepy())",
    "submitted": "async def f():\n    fs = asleepy.map(range(3))\n    ready()\n    await fs",
    "blocking_the_loop": "async def f():\n    ready()\n    sleepy()",
    "threads_of_async": "async def f():\n    fs = sleepy.map(range(3))\n    got(3)\n    await fs",
}
GOT = """
started = threading.Semaphore(0)

def got(count):
    for _ in range(count):
        started.acquire()
    ready()
"""


@pytest.mark.parametrize("name", INTERRUPTS)
def test_an_interrupted_cell_ends_its_flow_and_the_kernel_goes_on(
    kernel: Kernel, name: str
) -> None:
    body = INTERRUPTS[name]
    call = "await f()" if body.startswith("async") else "f()"
    kernel.begin(f"{GOT}\n@flow(name={name!r})\n{body}\n{call}")
    kernel.until("ready")
    cell = kernel.stop()
    assert cell.status == "error"
    assert "KeyboardInterrupt" in cell.traceback or "CancelledError" in cell.traceback
    assert SOURCE not in cell.traceback
    assert runs(kernel, name) == [INTERRUPTED]
    assert tasks(kernel, name) <= {INTERRUPTED}
    assert "could not be stored" not in cell.err
    assert kernel.run("@flow(name='next')\ndef f():\n    return step(5)\nprint(f())").out == "5\n"
    assert problems(kernel.home) == []


def test_a_second_interrupt_cuts_short_what_cleans_up(kernel: Kernel) -> None:
    body = """
@flow(name="cleaning")
def f():
    try:
        ready()
        time.sleep(600)
    finally:
        ready()
        time.sleep(600)
f()
"""
    kernel.begin(body)
    kernel.until("ready")
    kernel.interrupt()
    kernel.until("ready")
    assert kernel.stop().status == "error"
    assert runs(kernel, "cleaning") == [INTERRUPTED]


def test_a_flow_in_the_background_goes_on_when_another_cell_is_interrupted(kernel: Kernel) -> None:
    code = """
@flow(name="behind")
async def behind():
    while not over:
        await astep(1)
        await asyncio.sleep(0.001)

over = []
job = asyncio.create_task(behind())
await asyncio.sleep(0.01)

@flow(name="before")
def f():
    ready()
    time.sleep(600)
"""
    kernel.run(code)
    kernel.begin("f()")
    kernel.until("ready")
    assert kernel.stop().status == "error"
    assert kernel.run("await asyncio.sleep(0.05)\nover.append(1)\nawait job").status == "ok"
    assert runs(kernel, "before") == [INTERRUPTED]
    assert runs(kernel, "behind") == [("COMPLETED", None)]


def test_what_an_interrupted_flow_left_in_threads_is_closed_and_changes_no_more(
    kernel: Kernel,
) -> None:
    """Tasks of its runner, tasks inside of these, and tasks in threads of the user.

    No task is tried again in a thread that was left alone.
    """
    code = """
import contextvars
gate = threading.Event()

@task
def held():
    started.release()
    gate.wait()

@task(retries=3, on_failure=[lambda *_: tries.append("hook")])
def outer():
    tries.append("outer")
    threads.append(threading.current_thread())
    try:
        held()
    except BaseException:
        raise ValueError

@flow(name="left")
def f():
    context = contextvars.copy_context()
    mine = threading.Thread(target=context.run, args=(held,))
    threads.append(mine)
    mine.start()
    outer.submit()
    got(2)
    mine.join()

threads, tries = [], []
f()
"""
    kernel.begin(GOT + code)
    kernel.until("ready")
    assert kernel.stop().status == "error"
    assert runs(kernel, "left") == [INTERRUPTED]
    assert tasks(kernel, "left") == {INTERRUPTED}
    assert kernel.run("gate.set()\nfor t in threads: t.join()\nprint(tries)").out == "['outer']\n"
    assert kernel.run("@flow(name='flushes')\ndef g(): step(1)\ng()").status == "ok"
    assert tasks(kernel, "left") == {INTERRUPTED}
    assert problems(kernel.home) == []


def test_a_process_pool_takes_functions_of_the_notebook(kernel: Kernel) -> None:
    """By value, with what they call; a function of a cell that is run again is the new one."""
    code = """
factor = {}

def scaled(n):
    return factor * n

@task
def scale(n):
    return scaled(n), os.getpid() != parent

parent = os.getpid()

@flow(name="pool", task_runner=ProcessPoolTaskRunner(max_workers=1))
def f():
    return scale.map([1, 2]).result()

print(f())
"""
    assert kernel.run(code.format(10)).out == "[(10, True), (20, True)]\n"
    assert kernel.run(code.format(7)).out == "[(7, True), (14, True)]\n"


def test_an_interrupt_ends_the_processes_of_a_pool(kernel: Kernel) -> None:
    code = """
@task
def nap(path):
    open(path, "w").write(str(os.getpid()))
    time.sleep(600)

@flow(name="pool_interrupted", task_runner=ProcessPoolTaskRunner(max_workers=1))
def f():
    future = nap.submit({!r})
    while not os.path.exists({!r}):
        time.sleep(0.01)
    ready()
    future.result()

f()
"""
    path = str(kernel.home / "napping")
    kernel.begin(code.format(path, path))
    kernel.until("ready")
    assert kernel.stop().status == "error"
    assert runs(kernel, "pool_interrupted") == [INTERRUPTED]
    assert tasks(kernel, "pool_interrupted") == {INTERRUPTED}
    assert kernel.run(f"os.kill(int(open({path!r}).read()), 0)").traceback.endswith(
        "ProcessLookupError: [Errno 3] No such process"
    )


@pytest.mark.parametrize("call", ["f()", "await g()", "h()", "f(1)"])
def test_a_traceback_shows_the_lines_of_cells_only(kernel: Kernel, call: str) -> None:
    code = """
@task
def broken():
    raise ValueError("here")

@task
async def abroken():
    raise ValueError("here")

@flow
def f():
    broken()

@flow
async def g():
    await abroken()

@flow
def h():
    broken.submit().result()

"""
    text = kernel.run(code + call).traceback
    assert SOURCE not in text
    assert "skipping hidden" not in text
    assert re.search(rf"-> \d+ {re.escape(call)}\n", text)
    assert ("ValueError: here" in text) == (call != "f(1)")


def test_autoreload_takes_the_new_code_of_a_module(kernel: Kernel) -> None:
    module = kernel.home / "steps_of_mine.py"
    text = "from legato import flow, task\n@task\ndef s(n):\n    return n + {}\n"
    text += "@flow(name='reloaded')\ndef f(n):\n    return s(n)\n"
    module.write_text(text.format(1))
    first = f"import sys\nsys.path.insert(0, {str(kernel.home)!r})\n"
    first += "%load_ext autoreload\n%autoreload 2\nimport steps_of_mine\n"
    assert kernel.run(first + "print(steps_of_mine.f(1))").out == "2\n"
    module.write_text(text.format(100) + "# changed\n")
    assert kernel.run("print(steps_of_mine.f(1))").out == "101\n"
    assert kernel.run("%autoreload 0").status == "ok"
    assert count(kernel.home, "select count(*) from flow where name = 'reloaded'") == 1


def test_what_ran_in_a_kernel_that_was_restarted_is_closed(home: Path) -> None:
    """By the next process that opens the home: here the new kernel itself."""
    kernel = Kernel(home)
    try:
        kernel.run(SETUP)
        kernel.begin("@flow(name='before')\ndef f():\n    ready()\n    sleepy()\nf()")
        kernel.until("ready")
        kernel.restart()
        kernel.run(SETUP)
        cell = kernel.run("@flow(name='after')\ndef f():\n    return step(1)\nprint(f())")
        assert cell.out == "1\n"
    finally:
        kernel.close()
    for [(kind, message)] in (runs(kernel, "before"), list(tasks(kernel, "before"))):
        assert kind == "CRASHED"
        assert message is not None
        assert message.endswith("ended without reporting")
    assert runs(kernel, "after") == [("COMPLETED", None)]
    assert problems(home) == []


def test_a_state_is_shown_as_html(kernel: Kernel) -> None:
    code = "@flow(name='shown')\ndef f():\n    return step(1)\nf(return_state=True)"
    [shown] = kernel.run(code).shown
    assert shown["text/plain"] == "<State Completed>"
    assert ">Completed</span>" in shown["text/html"]
