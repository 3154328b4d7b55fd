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


def test_the_limit_holds_while_holders_are_killed(tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    draw = random.Random(seed)
    places = tmp_path / "places"
    places.mkdir()
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name="chaos", limit=SLOTS)
        )
    output = open(tmp_path / "output", "w+b")  # noqa: SIM115 - closed below
    actors = []

    def start():
        command = [sys.executable, ACTOR, places, str(SLOTS), str(draw.randrange(10**6))]
        actors.append(subprocess.Popen(list(map(str, command)), stdout=output))

    def lines():
        return (tmp_path / "output").read_bytes().splitlines()

    def progress(count):
        """Wait until so many more times somebody has held slots."""
        goal = len(lines()) + count
        while len(lines()) < goal:
            assert any(actor.poll() is None for actor in actors), seed
            os.sched_yield()

    try:
        for _ in range(PROCESSES):
            start()
        for _ in range(KILLS):
            progress(draw.randint(1, 10))
            victim = actors.pop(draw.randrange(len(actors)))
            victim.kill()
            victim.wait()
            start()
        progress(20)
    finally:
        for actor in actors:
            actor.kill()
            actor.wait()
        output.close()
    assert b"TOO MANY" not in lines(), seed
    with concurrency("chaos", occupy=SLOTS, strict=True, timeout_seconds=30):
        pass
