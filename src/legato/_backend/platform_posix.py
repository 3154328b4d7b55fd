"""Who this process is, who still lives, and owner files that tell by a kernel lock.

A POSIX record lock is released by any death of its process and is not inherited by a fork. It is
also dropped when its process closes *any* descriptor of the file, so a process opens its own
owner file once and never looks at it again.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

_STATE, _START = 0, 19  # fields of /proc/<pid>/stat, counted after the command's name


def host() -> str:
    """Return the name of this machine."""
    return os.uname().nodename


@cache
def pid_namespace() -> str | None:
    """Return what tells pid numbers apart: the kernel's boot and the namespace; None: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def process_start(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[_STATE] in (b"Z", b"X") else int(fields[_START])


def process_exists(pid: int) -> bool:
    """Tell whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def hold(path: Path, text: str) -> int:
    """Make the file, lock it for the life of this process and return the descriptor."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(fd, text.encode())
    except BaseException:
        os.close(fd)  # whoever tries again and again must not use up all descriptors
        raise
    return fd


def is_held(path: Path) -> bool:
    """Tell whether another process holds the file's lock; a missing file has none.

    Never call this for a file that this process holds.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # another user's
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def lock_for_a_moment(fd: int) -> None:
    """Wait for the kernel's lock on an open file and take it; closing the descriptor frees it.

    It is the descriptor's, not the process's: threads that open the file keep each other out too.
    """
    fcntl.flock(fd, fcntl.LOCK_EX)


def take_byte(fd: int, at: int) -> bool:
    """Lock one byte of an open file for this process; False: another process has it.

    The byte need not be there. The lock goes with the process, and with any descriptor of the file
    that it closes. Where the file system knows no locks, everybody gets them.
    """
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def free_byte(fd: int, at: int) -> None:
    """Let go of the lock on a byte."""
    with suppress(OSError):
        fcntl.lockf(fd, fcntl.LOCK_UN, 1, at)
