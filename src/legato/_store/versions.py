"""Which schema this version of Legato has, and when an older database is brought to it."""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = 22
"""The number of the last migration; every migration raises it by one."""
COMMAND = "legato server database upgrade"

MIB = 1024 * 1024
IN_RUN_SECONDS = 2.0
BYTES_A_SECOND = 100 * MIB
SMALL = 256 * MIB
MARGIN = 64 * MIB
"""What a backup leaves free on the disk, for the migration itself and for others."""


class Plan(NamedTuple):
    """How a SQLite database is upgraded."""

    backup: bool
    seconds: float

    @property
    def in_run(self) -> bool:
        """Whether a run may do it on its way: soon over, and not without a backup."""
        return self.backup and self.seconds <= IN_RUN_SECONDS


def plan(size: int, free: int, steps: int) -> Plan:
    """Plan `steps` migrations of a database of `size` bytes on a disk with `free` bytes left.

    A backup is made of a small file, and of a larger one if there is room. Every migration, and
    the backup, is taken to read or write each byte once; most do less.
    """
    backup = size < SMALL or free >= size + MARGIN
    return Plan(backup, size * (steps + backup) / BYTES_A_SECOND)
