"""Ctrl-C and SIGTERM while `legato run` runs; the terminal's line meanwhile."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import COMMAND

FLOWS = """
import asyncio, os, threading, time
from legato import flow, task

def ready():
    os.write(1, b"READY\\n")

def ready_soon():  # CPython loses a signal that comes as a wait begins
    threading.Timer(0.1, ready).start()

@task
def step():
    return 1

@flow
def sleeps():
    step()
    for _ in range(50):
        threading.Thread(target=time.sleep, args=(60,)).start()
    ready_soon()
    time.sleep(60)

@flow
def joins():
    threads = [threading.Thread(target=time.sleep, args=(60,)) for _ in range(50)]
    for thread in threads:
        thread.start()
    ready_soon()
    for thread in threads:
        thread.join()

@flow
async def waits():
    ready_soon()
    await asyncio.to_thread(time.sleep, 60)

@flow
def quick():
    step()
    print("a line")
    ready()
"""


@pytest.fixture
def file(tmp_path, home):
    path = tmp_path / "work" / "flows.py"
    path.write_text(FLOWS)
    return path


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "an interrupt signal"), (signal.SIGTERM, 143, "a termination signal")],
)
@pytest.mark.parametrize("name", ["sleeps", "joins", "waits"])
def test_a_signal_ends_the_run_as_crashed_within_two_seconds(
    file, legato, name, number, code, word
):
    started = subprocess.Popen(
        [*COMMAND, "run", f"{file}:{name}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert started.stdout.readline() == b"READY\n"
        began = time.monotonic()
        started.send_signal(number)
        _, err = started.communicate(timeout=20)
        assert time.monotonic() - began < 2  # a promise, not a benchmark
    finally:
        started.kill()
    assert started.returncode == code
    assert b"Traceback" not in err
    [run] = legato("flow-run", "ls", "-o", "json").json
    assert run["state"]["type"] == "CRASHED"
    assert run["state"]["message"] == f"Execution was aborted by {word}."


SLEEPS_AT_IMPORT = """
import os, threading, time
threading.Timer(0.1, os.write, (1, b"READY\\n")).start()
time.sleep(60)
"""


def test_ctrl_c_while_the_file_is_imported(file, home):
    file.write_text(SLEEPS_AT_IMPORT)
    started = subprocess.Popen(
        [*COMMAND, "run", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout.readline() == b"READY\n"
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=20)
    assert started.returncode == 130
    assert b"Traceback" not in err


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def in_terminal(args, until=b"", then=b"", **environ):
    """Run a command in a terminal; return its status and all that was shown."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        args,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **environ},
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
        if until and until in shown:
            os.write(ours, then)
            until = b""
    os.close(ours)
    return started.wait(), shown.decode().replace("\r\n", "\n")


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is closed
        return b""


SLOW = """
from legato import flow, task
from legato._cli import status_line
import threading

status_line.PERIOD_SECONDS = 0.01
drawn = threading.Event()
original = status_line.StatusLine._show
def show(self):
    original(self)
    if self._shown and "2 Completed" in self._text:
        drawn.set()
status_line.StatusLine._show = show

@task
def step():
    return 1

@task
def breaks():
    raise ValueError

@flow(flow_run_name="slow")
def slow():
    step(), step(), breaks(return_state=True)
    print("a line")
    assert drawn.wait(10)
    print("dots", end="...", flush=True)
    print(" done")
    assert input("Your name? ") == "Ann"
    print("by hand")
"""


def test_a_terminal_shows_the_run_while_it_runs(file):
    file.write_text(SLOW)
    code, shown = in_terminal([*COMMAND, "run", str(file)], until=b"name? ", then=b"Ann\n")
    assert code == 0, shown
    assert "slow  Running  " in shown
    assert "tasks: 2 Completed, 1 Failed" in shown
    screen = [line.rpartition("\r\x1b[2K")[2] for line in shown.split("\n")]
    assert "a line" in screen
    assert "dots... done" in screen
    assert "Your name? Ann" in screen
    assert screen[screen.index("Your name? Ann") + 1] == "by hand"
    assert screen[-1] == ""  # the line is gone


def test_a_breakpoint_stops_in_the_users_line(file):
    file.write_text(
        "from legato import flow\n@flow\ndef f():\n    x = 21\n    breakpoint()\n    return x\n"
    )
    command = [*COMMAND, "run", str(file), "--print-result"]
    code, shown = in_terminal(command, until=b"(Pdb) ", then=b"p 'x is', x\nx = 42\nc\n")
    assert code == 0, shown
    assert "('x is', 21)" in shown
    assert "\n42\n" in shown


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_plain_terminal_shows_lines_only(file, environ):
    code, shown = in_terminal([*COMMAND, "run", f"{file}:quick"], **environ)
    assert code == 0
    assert "\x1b" not in shown
    assert "a line\n" in shown


def test_a_list_is_cut_to_the_terminal_and_coloured(file, process):
    process("run", f"{file}:quick")
    narrow = {"COLUMNS": "30", "LINES": "9"}
    code, shown = in_terminal([*COMMAND, "flow-run", "ls"], **narrow)
    assert code == 0
    assert "\x1b[32m" in shown
    code, shown = in_terminal([*COMMAND, "flow-run", "ls"], NO_COLOR="1", **narrow)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 30


def test_delete_asks_in_a_terminal(file, process, legato):
    process("run", f"{file}:quick")
    [run] = legato("flow-run", "ls", "-o", "json").json
    delete = [*COMMAND, "flow-run", "delete", run["name"]]
    code, shown = in_terminal(delete, until=b"[y/N]", then=b"n\n")
    assert code == 1
    assert "Nothing was deleted." in shown
    code, shown = in_terminal(delete, until=b"[y/N]", then=b"y\n")
    assert code == 0
    assert legato("flow-run", "ls", "-o", "json").json == []


HINT = """
import sys
from legato import flow
from legato._sdk.context import FlowRunContext
from legato._sdk.hints import say_where

@flow
def outer(names):
    say_where(FlowRunContext.get())
    inner()

@flow
def inner():
    say_where(FlowRunContext.get())

for _ in range(int(sys.argv[1])):
    outer([])
"""


@pytest.mark.parametrize(
    ("count", "hint"),
    [("1", "To look at this run: legato flow-run inspect "), ("2", "legato flow-run ls")],
)
def test_a_script_says_last_where_to_look(home, count, hint):
    script = [sys.executable, "-c", HINT, count]
    code, shown = in_terminal(script)
    assert code == 0
    assert hint in shown.splitlines()[-1]
    assert shown.count("To look at") == 1
    quiet = subprocess.run(script, capture_output=True, text=True, check=True)
    assert "To look at" not in quiet.stderr
