"""Who this process is on Windows, where a file that is open for writing cannot be removed."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def host() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


def pid_namespace() -> str | None:
    """Return None: pid numbers are all there is."""
    return None


def process_start(_pid: int) -> int | None:
    """Return None: unknown."""
    return None


def process_exists(pid: int) -> bool:
    """Tell whether there may be a process of that number; here only the lock can tell."""
    return pid == os.getpid()


def hold(path: Path, _text: str) -> int:
    """Make the file, lock it for the life of this process and return the descriptor."""
    import msvcrt

    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    return fd


def is_held(path: Path) -> bool:
    """Tell whether another process holds the file's lock; a missing file has none."""
    import msvcrt

    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def lock_for_a_moment(fd: int) -> None:
    """Wait for the lock on an open file and take it; closing the descriptor frees it."""
    import msvcrt

    os.lseek(fd, 1 << 30, os.SEEK_SET)  # beyond the content, which others may read
    msvcrt.locking(fd, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]


def take_byte(fd: int, at: int) -> bool:
    """Lock one byte of an open file for this process; False: another process has it."""
    import msvcrt

    os.lseek(fd, at, os.SEEK_SET)
    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True


def free_byte(fd: int, at: int) -> None:
    """Let go of the lock on a byte."""
    import msvcrt

    os.lseek(fd, at, os.SEEK_SET)
    with suppress(OSError):
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
