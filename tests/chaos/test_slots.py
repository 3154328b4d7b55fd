"""With processes that take slots at random and are killed at random, the limit holds.

Each place that a slot stands for is a file that its holder locks; the kernel frees it with the
process. Were dead holders swept too early, or slots counted beside the leases, a process would
find no free place and say TOO MANY; were they not swept, the last process would wait for ever.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from legato import get_client
from legato.client.schemas.actions import GlobalConcurrencyLimitCreate
from legato.concurrency.sync import concurrency
from tests.sdk.conftest import home

__all__ = ["home"]
ACTOR = Path(__file__).parent / "actors" / "holder.py"
SLOTS, PROCESSES, KILLS = 3, 5, 12

pytestmark = pytest.mark.chaos


class Actors:
    """Processes that take slots; all write into one file when they hold some."""

    def __init__(self, folder, draw):
        self.folder, self.draw, self.running = folder, draw, []
        (folder / "places").mkdir()
        self.output = open(folder / "output", "w+b")  # noqa: SIM115 - closed in `end`

    def start(self):
        command = [sys.executable, ACTOR, self.folder / "places", SLOTS, self.draw.randrange(10**6)]
        self.running.append(subprocess.Popen(list(map(str, command)), stdout=self.output))

    def kill(self):
        victim = self.running.pop(self.draw.randrange(len(self.running)))
        victim.kill()
        victim.wait()

    def lines(self):
        return (self.folder / "output").read_bytes().splitlines()

    def progress(self, count):
        """Wait until so many more times somebody has held slots."""
        goal = len(self.lines()) + count
        while len(self.lines()) < goal:
            assert any(actor.poll() is None for actor in self.running)
            os.sched_yield()

    def end(self):
        while self.running:
            self.kill()
        self.output.close()


def test_the_limit_holds_while_holders_are_killed(tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    draw = random.Random(seed)
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name="chaos", limit=SLOTS)
        )
    actors = Actors(tmp_path, draw)
    try:
        for _ in range(PROCESSES):
            actors.start()
        for _ in range(KILLS):
            actors.progress(draw.randint(1, 10))
            actors.kill()
            actors.start()
        actors.progress(20)
    finally:
        actors.end()
    assert b"TOO MANY" not in actors.lines()
    with concurrency("chaos", occupy=SLOTS, strict=True, timeout_seconds=30):
        pass
