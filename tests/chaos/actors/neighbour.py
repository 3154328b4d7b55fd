"""Writes and checkpoints at the same home until stdin ends; then says how many flows it ran."""

from __future__ import annotations

import os
import select

from legato import flow, task
from legato._store import sqlite_log

sqlite_log.DUE_FRAMES, sqlite_log.LONGEST_FRAMES, sqlite_log.LOOK_EVERY = 8, 40, 4


@task
def step(n: int) -> int:
    return n


@flow
def busy(n: int) -> None:
    for number in range(20):
        step(number)


runs = 0
while not select.select([0], [], [], 0)[0]:
    busy(runs)
    runs += 1
    if runs == 1:
        os.write(1, b"busy\n")
os.write(1, f"ran {runs}\n".encode())
