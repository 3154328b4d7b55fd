"""Who counts as dead: real processes, real locks."""

import os
import signal
import subprocess
import sys

import pytest
from msgspec.structs import replace

from legato._backend import ownership, platform_posix
from legato._journal.clock import SystemClock
from legato._journal.ids import TimeOrderedIds

IDS, CLOCK = TimeOrderedIds(), SystemClock()

OWNER = """
import sys
from pathlib import Path
from uuid import UUID
import msgspec
from legato._backend import ownership
from legato._journal.clock import SystemClock
writer = ownership.introduce(UUID(sys.argv[1]), SystemClock().now())
ownership.hold(Path(sys.argv[2]), writer)
sys.stdout.buffer.write(msgspec.json.encode(writer) + b"\\n")
sys.stdout.flush()
{then}
"""
WAIT = "sys.stdin.read()"
HOLD_GIL = "import ctypes; ctypes.PyDLL(None).sleep(60)"


@pytest.fixture
def owner(tmp_path):
    """Start a process that owns something; returns the process and how it introduced itself."""
    import msgspec

    from legato._model.records import Writer

    started = []

    def start(then=WAIT):
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER.format(then=then), str(IDS.new()), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        return process, msgspec.json.decode(process.stdout.readline(), type=Writer)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def dead(tmp_path, *writers):
    return list(ownership.dead_among(writers, tmp_path))


def me():
    return ownership.introduce(IDS.new(), CLOCK.now())


def test_a_live_owner_is_never_touched(owner, tmp_path):
    _, writer = owner()
    assert dead(tmp_path, writer) == []
    (tmp_path / writer.id.hex).unlink()
    assert dead(tmp_path, writer) == []


def test_nor_one_that_holds_the_gil(owner, tmp_path):
    _, writer = owner(HOLD_GIL)
    assert dead(tmp_path, writer) == []


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_owner_is_dead_also_as_a_zombie(owner, tmp_path, reaped):
    process, writer = owner()
    os.kill(process.pid, signal.SIGKILL)
    if reaped:
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert dead(tmp_path, writer) == [writer]


def test_a_stopped_owner_lives(owner, tmp_path):
    process, writer = owner()
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert dead(tmp_path, writer) == []


def test_a_pid_that_came_back_is_another_process(owner, tmp_path):
    _, writer = owner()
    before = replace(writer, id=IDS.new(), pid_start=writer.pid_start - 1)
    assert dead(tmp_path, before) == [before]


def test_a_held_lock_outweighs_everything(owner, tmp_path):
    _, writer = owner()
    lies = replace(writer, pid_start=writer.pid_start - 1)
    assert dead(tmp_path, lies) == []


def test_other_hosts_and_containers_are_left_alone(tmp_path):
    gone = replace(me(), pid=2**22 + 1, pid_start=1)
    boot = gone.pid_namespace.split()[0]
    assert dead(tmp_path, gone) == [gone]
    assert dead(tmp_path, replace(gone, host="elsewhere")) == []
    assert dead(tmp_path, replace(gone, pid_namespace=f"{boot} pid:[1]")) == []


def test_nothing_survives_a_reboot(tmp_path):
    before = replace(me(), pid_namespace="another-boot pid:[1]")
    assert dead(tmp_path, replace(before, pid=2**22 + 1)) != []
    assert dead(tmp_path, replace(before, pid=os.getppid())) != []


def test_own_writers_are_never_looked_at(tmp_path):
    writer = me()
    ownership.hold(tmp_path, writer)
    assert dead(tmp_path, writer, replace(writer, pid_start=0)) == []
    assert other_process_finds_held(tmp_path / writer.id.hex)


def test_a_forked_child_owns_nothing_and_takes_nothing_away(tmp_path):
    writer = me()
    ownership.hold(tmp_path, writer)
    child = os.fork()
    if not child:
        ownership.forget()
        held = platform_posix.is_held(tmp_path / writer.id.hex)
        os._exit(0 if held and not dead(tmp_path, writer) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert other_process_finds_held(tmp_path / writer.id.hex)


def other_process_finds_held(path):
    code = (
        "import sys; from pathlib import Path; from legato._backend import platform_posix as p;"
        "sys.exit(0 if p.is_held(Path(sys.argv[1])) else 1)"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


def test_old_files_of_nobody_are_removed(owner, tmp_path):
    _, living = owner()
    mine = me()
    ownership.hold(tmp_path, mine)
    litter = tmp_path / "litter"
    litter.touch()
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    fresh = tmp_path / "fresh"
    fresh.touch()
    ownership._tidy(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {living.id.hex, mine.id.hex, "fresh"}
    assert other_process_finds_held(tmp_path / mine.id.hex)
