"""kill -9 of durable flows: they go on, and what was finished does not run again."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from legato._store.faults import DURABLE_POINTS, POINTS
from tests.chaos.processes import ACTORS, Actor
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import look, problems

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

STEPS = {
    "sequential": [f"step {number}" for number in range(10)],
    "nested": [f"step {number}" for number in range(9)],
    "mapped": [f"step {number}" for number in range(200)],
    "submitted": [f"step {number}" for number in range(10)],
    "pooled": [f"step {number}" for number in range(9)],
    "gathered": [f"astep {number}" for number in (10, 11, 20, 21)],
    "clocked": [f"timed {number}" for number in range(8)],
}
ONE_BY_ONE = ("sequential", "nested", "clocked")
"""Flows with at most one unfinished step at a time."""
NOT_PASSED = ("checkpoint", "spool", "template", "fork", "journal.close")
"""Points that a short flow in a known home does not come to, or at its very end."""
PASSED = {name for name in POINTS if not any(part in name for part in NOT_PASSED)}
RESUMING = {"attempt.before_open", "attempt.after_open", "replay.claimed", "replay.listed"}
CHOSEN = sorted(DURABLE_POINTS | (PASSED if scale("DURABLE_FAILPOINTS") else set()))
START_SECONDS = 0.6
"""About what a process needs until its flow runs."""

Moment = Callable[[Actor], None]


class Life:
    """One durable run, from its start through kills to its end."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self.home, self.ledger = kind, folder / "home", folder / "ledger"
        self.home.mkdir(parents=True)
        self.kills = 0
        self.settled: dict[str, int] = {}
        """How often a step's line was there when the step was first seen to be finished."""

    def lines(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def go_on(self, moment: Moment | None = None, **env: str) -> bool:
        """Start the flow or resume it, until `moment` kills it; tell whether it has ended."""
        run_id = self._look("select id from flow_run where parent_task_run_id is null")
        args: list[Any] = [ACTORS / "durable.py", self.kind]
        if run_id:
            args = ["-m", "legato", "flow-run", "resume", UUID(bytes=run_id[0][0])]
        actor = Actor(self.home, *args, LEDGER=str(self.ledger), **env)
        try:
            if moment is not None:
                moment(actor)
            actor.rest()
            assert actor.ends() in (0, -signal.SIGKILL), actor.errors()
            self.kills += actor.ends() != 0
        finally:
            actor.close()
        self._settle()
        query = "select state_type from flow_run where parent_task_run_id is null"
        return self._look(query) == [("COMPLETED",)]

    def _look(self, query: str) -> list[tuple[Any, ...]]:
        return look(self.home, query) if (self.home / "legato.db").exists() else []

    def _settle(self) -> None:
        """Note what is finished: that is in the database, or the flow has got the value."""
        lines = self.lines()
        done = {line.removeprefix("got ") for line in lines if line.startswith("got ")}
        query = "select name, arguments from task_run where state_type = 'COMPLETED'"
        for name, arguments in self._look(f"{query} and child_flow_run_id is null"):
            if arguments is not None:
                done.add(f"{name.split('-')[0]} {json.loads(arguments)['number']}")
        for step in done & set(STEPS[self.kind]):
            self.settled.setdefault(step, lines.count(step))

    def judge(self) -> None:
        """Assert that each step has done its work, and none that was finished has done it again."""
        counts = Counter(line for line in self.lines() if not line.startswith("got "))
        assert set(counts) == set(STEPS[self.kind]) == set(self.settled)
        assert {step: counts[step] for step in self.settled} == self.settled
        assert max(counts.values()) <= 1 + self.kills
        if self.kind in ONE_BY_ONE:
            assert sum(counts.values()) - len(counts) <= self.kills
        assert problems(self.home) == []


def at_random(chance: Random) -> Moment:
    """Return what kills while the process starts, or shortly after some line of its flow."""

    def kill(actor: Actor) -> None:
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0, START_SECONDS))
        else:
            for _ in range(chance.randint(1, 8)):
                if actor.line() is None:
                    break
            time.sleep(chance.uniform(0, 0.004))
        actor.kill()

    return kill


def after_lines(count: int) -> Moment:
    """Return what kills when the flow has printed so many lines; by the second a step is done.

    HOLD_AT lets it wait there: on a busy machine it might have come to its end before.
    """

    def kill(actor: Actor) -> None:
        for _ in range(count):
            actor.line()
        actor.kill()

    return kill


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Callable[[str], Life]]:
    """Return what begins a life in a home of its own."""
    begun: list[Life] = []

    def begin(kind: str) -> Life:
        begun.append(Life(tmp_path / str(len(begun)), kind))
        return begun[-1]

    yield begin
    print("kills:", sum(life.kills for life in begun), "runs:", len(begun))


@pytest.mark.parametrize("kind", STEPS)
def test_a_durable_run_killed_at_random_moments_goes_on(
    lives: Callable[[str], Life], kind: str
) -> None:
    """Without the commit before a step returns, a step that the flow has got runs again."""
    chance = seeded(kind)
    left = scale("DURABLE_KILLS")
    while left > 0:
        life = lives(kind)
        while not life.go_on(at_random(chance) if life.kills < left else None):
            pass
        life.judge()
        left -= life.kills


@pytest.mark.parametrize("point", CHOSEN)
def test_a_durable_run_killed_at_a_fail_point_goes_on(
    lives: Callable[[str], Life], point: str
) -> None:
    """The start is killed there, too, if it comes there."""
    chance = seeded(point)
    life = lives("nested")
    once = point in RESUMING or point.startswith(("ownership", "store.opened"))
    armed = f"{point}=kill:{1 if once else chance.randint(1, 3)}"
    if point not in RESUMING and point != "ownership.before_close":
        life.go_on(LEGATO_FAILPOINTS=armed)
        assert life.kills == 1
    lines = chance.randint(2, 4)
    life.go_on(after_lines(lines), HOLD_AT=str(lines))
    before = life.kills
    life.go_on(LEGATO_FAILPOINTS=armed)
    assert life.kills == before + 1
    while not life.go_on():
        pass
    life.judge()
