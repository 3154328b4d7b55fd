"""Which of several processes on one database file does what is to be done once."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if sys.platform == "win32":
    from legato._backend import platform_windows as platform
else:
    from legato._backend import platform_posix as platform

if TYPE_CHECKING:
    from pathlib import Path


class HostLock:
    """Leads while the kernel's lock on `<database>.host` is held; any death gives it back."""

    every = 15.0
    """So often whoever does not lead asks for the lock; whoever leads keeps it."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.host")
        self._fd: int | None = None

    def is_ours(self) -> bool:
        return self._fd is not None

    def renew(self) -> None:
        if self._fd is None:
            with suppress(OSError):  # another process has it
                self._fd = platform.hold(self._path, f"{os.getpid()}\n")

    def give_up(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
