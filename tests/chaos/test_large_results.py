"""kill -9 of a durable flow with large results: each is there whole, or its step runs again."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.chaos.processes import ACTORS, Actor
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import look, problems

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

STEPS = range(3)
KILLED_IN = ("make", "made", "got")
"""A kill comes after such a line: while a result is made, while it is stored, while it is read."""
OWN_MB = 150
"""What a process may take beside two copies of a result, and the one that it is compared with."""


def run(home: Path, size: int, victim: Random | None) -> tuple[list[str], bool]:
    """Start the flow or resume it, and kill it somewhere if so asked; return what it printed."""
    rows = look(home, "select id from flow_run") if (home / "legato.db").exists() else []
    args: list[Any] = [ACTORS / "large.py", size]
    if rows:
        args = [*args, UUID(bytes=rows[0][0])]
    # on a busy machine the flow might have come to its end before the kill
    actor = Actor(home, *args, HOLD=None if victim is None else "1")
    lines = list[str]()
    try:
        if victim is not None:
            word, rate = victim.choice(KILLED_IN), size / 300
            while (line := actor.line()) is not None:
                lines.append(line)
                if line.startswith(word):
                    break
            time.sleep(victim.uniform(0, rate))
            actor.kill()
        lines += actor.rest()
        assert actor.ends() in (0, -signal.SIGKILL), actor.errors()
        return lines, actor.ends() == 0
    finally:
        actor.close()


def test_large_results_are_whole_after_kills(home: Path) -> None:
    """The flow compares each value with what it should be, also one of an earlier process."""
    size, kills, chance = scale("LARGE_MB"), scale("LARGE_KILLS"), seeded("large results")
    made: Counter[str] = Counter()
    got: dict[str, int] = {}
    ended = False
    while not ended:
        lines, ended = run(home, size, chance if kills else None)
        kills -= not ended
        for line in lines:
            word, _, number = line.partition(" ")
            made[number] += word == "make"
            if word == "got":
                got.setdefault(number, made[number])
    assert {number: made[number] for number in got} == got  # what the flow has got stays made
    assert set(got) == {str(number) for number in STEPS}
    (peak,) = [int(line.split()[1]) for line in lines if line.startswith("peak")]
    assert peak <= 3 * size + OWN_MB
    assert problems(home) == []
