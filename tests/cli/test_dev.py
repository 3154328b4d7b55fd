"""`legato dev`: a server and a command with all that it has started, as one tree of processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from legato._backend.ownership import process_start

FLOW = """
import os
from legato import flow

@flow
def etl():
    pass

etl()
print(os.environ["LEGATO_API_URL"])
raise SystemExit(7)
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
# says which processes there are: itself, a child, and one that has left its group and its parent
FAMILY = """
import os, signal, subprocess, sys, time

{first}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
reading, writing = os.pipe()
if not os.fork():
    os.setsid()
    if pid := os.fork():
        os.write(writing, str(pid).encode())
        os._exit(0)
    time.sleep(600)
os.wait()
strange = os.read(reading, 20).decode()
print(os.getpid(), child.pid, strange, flush=True)
{last}
"""
DEAF = "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)"
# a signal that comes as a wait begins is seen after it
WAIT = "while True: time.sleep(0.1)"


@pytest.fixture
def env(tmp_path):
    found = {**os.environ, "LEGATO_HOME": str(tmp_path / "home")}
    found.pop("LEGATO_API_URL", None)
    return found


@pytest.fixture
def legato(env):
    def run(*arguments, **more):
        command = [sys.executable, "-m", "legato", *arguments]
        return subprocess.run(
            command, env=env | more, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def dev(tmp_path, env):
    """Start `legato dev` with a script; ends what is left of it."""
    started = []

    def start(script, *options):
        file = tmp_path / "script.py"
        file.write_text(script)
        command = [sys.executable, "-m", "legato", "dev", *options, sys.executable, str(file)]
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=60)


def family(process):
    return [int(pid) for pid in process.stdout.readline().split()]


def end(pids):
    """Wait until processes have ended."""
    deadline = time.monotonic() + 60
    while any(process_start(pid) is not None for pid in pids):
        assert time.monotonic() < deadline, pids
        time.sleep(0.02)


def guard_of(process):
    """Return the process that the command hangs below, whichever thread has started it."""
    found = ""
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with suppress(OSError), open(f"/proc/{process.pid}/task/{thread}/children") as file:
            found += file.read()
    return int(found)


def test_a_command_records_through_the_server_and_says_how_it_ends(dev, legato, tmp_path):
    process = dev(FLOW)
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 7
    assert out.startswith("http://127.0.0.1:")
    assert "Completed" in legato("flow-run", "ls").stdout
    assert not (tmp_path / "home" / "server.json").exists()


def test_a_port_that_is_taken_is_told_if_it_was_asked_for_and_another_one_found_if_not(legato):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = legato("dev", "--port", port, "true")
        assert answer.returncode == 2
        assert f"Port {port} of 127.0.0.1 is taken" in answer.stderr
        answer = legato("dev", "printenv", "LEGATO_API_URL", LEGATO_SERVER_API_PORT=port)
        assert answer.returncode == 0
        assert f":{port}/" not in answer.stdout


def test_what_is_no_command_is_told(legato):
    answer = legato("dev", "no-such-program")
    assert answer.returncode == 2
    assert "no command 'no-such-program'" in answer.stderr


def test_what_the_command_leaves_behind_ends_with_it(dev):
    process = dev(FAMILY.format(first="", last=""))
    pids = family(process)
    assert process.wait(90) == 0
    end(pids)


@pytest.mark.chaos
def test_nothing_survives_the_death_of_the_parent(dev):
    process = dev(FAMILY.format(first="", last=WAIT))
    pids = family(process)
    process.kill()
    end(pids)


@pytest.mark.chaos
def test_nothing_survives_the_death_of_the_process_that_holds_the_tree(dev):
    process = dev(FAMILY.format(first="", last=WAIT))
    pids = family(process)
    os.kill(guard_of(process), signal.SIGKILL)
    assert process.wait(90) == 128 + signal.SIGKILL
    end(pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it(dev, number):
    process = dev(FAMILY.format(first="", last=WAIT))
    pids = family(process)
    process.send_signal(number)
    # Python makes an exception of SIGINT, with which a script ends
    assert process.wait(90) in (128 + number, 1)
    end(pids)


def test_a_second_interrupt_ends_what_is_deaf_to_the_first(dev):
    process = dev(FAMILY.format(first=DEAF, last=WAIT))
    pids = family(process)
    process.send_signal(signal.SIGINT)
    while process.poll() is None:  # two that come together are one
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert process.returncode == 128 + signal.SIGINT
    end(pids)
