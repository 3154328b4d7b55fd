"""kill -9 of a flow process at random moments."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from socket import gethostname as host
from typing import TYPE_CHECKING

import pytest

from tests.chaos.processes import Actor, sweep
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import count, crash_messages, lost, problems, unclosed

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


BATCH = 12
"""Kills at one home; then the database has grown so much that looking at it takes long."""


@pytest.mark.parametrize("batch", range(max(1, scale("KILLS") // BATCH)))
def test_a_killed_flow_process_loses_nothing_acked_and_is_closed(
    home: Path, start: Callable[..., Actor], tmp_path: Path, batch: int
) -> None:
    """Each time a forked child of the victim lives on, and another process writes.

    Without the kernel lock around commits and checkpoints, `integrity_check` complains once in a
    while; without acked commits, acknowledged ids are missing; with an owner lock that a fork
    inherits (flock), the child keeps the dead parent's runs Running.
    """
    chance = seeded(f"kills, batch {batch}")
    neighbour = start("neighbour")
    neighbour.until("busy")
    crashed = acked = 0
    kills = min(BATCH, scale("KILLS"))
    for number in range(kills):
        acks = tmp_path / f"acks-{number}"
        victim = start("flows", acks, 100_000)
        _kill_at_random(victim, chance)
        sweep(home)
        noted = acks.read_text().splitlines() if acks.exists() else []
        assert problems(home) == []
        assert lost(home, noted) == []
        assert unclosed(home, victim.pid) == []
        messages = crash_messages(home, victim.pid)
        assert messages <= {f"process {victim.pid} on {host()} ended without reporting"}
        assert messages or not noted
        crashed += bool(messages)
        acked += len(noted)
    neighbour.tell()
    ran = int(neighbour.until("ran"))
    assert neighbour.ends() == 0, neighbour.errors()
    query = "select count(*) from flow_run where state_type = 'COMPLETED'"
    assert count(home, query) >= ran
    print(f"{kills} kills, {crashed} closed as Crashed, {acked} acks, {ran} other flow runs")
    assert crashed >= kills // 3


def _kill_at_random(victim: Actor, chance: Random) -> None:
    if chance.random() < 0.25:
        victim.lives_for(chance.uniform(0.0, 0.5))
    else:
        victim.until("child")
        for _ in range(chance.randrange(30)):
            victim.until("part")
        victim.lives_for(chance.uniform(0.0, 0.01))
    victim.kill()
    assert victim.process.returncode == -signal.SIGKILL, victim.errors()


LIST = """
from legato._cli.main import main
main(["flow-run", "ls", "-o", "json"])
"""


def test_the_next_flow_run_ls_shows_it_as_crashed(
    home: Path, start: Callable[..., Actor], tmp_path: Path
) -> None:
    """Whoever looks next closes what a dead process left; nobody need run anything."""
    victim = start("flows", tmp_path / "acks", 100_000)
    victim.until("part")
    victim.kill()
    looker = Actor(home, LIST)
    try:
        found = json.loads("\n".join(looker.rest()))
        assert looker.ends() == 0, looker.errors()
    finally:
        looker.close()
    crashed = [run["state"]["message"] for run in found if run["state"]["type"] == "CRASHED"]
    assert f"process {victim.pid} on {host()} ended without reporting" in crashed
    assert {run["state"]["type"] for run in found} == {"CRASHED", "COMPLETED"}
    assert unclosed(home, victim.pid) == []
