"""kill -9 in the middle of outages: what was acknowledged into the spool is delivered, once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.chaos.processes import Actor
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import lost, problems, unclosed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
SEND = "from legato._backend.current import current; current().send_spool()"


def test_nothing_acknowledged_is_lost_by_outages_and_kills(
    home: Path, start: Callable[..., Actor], tmp_path: Path
) -> None:
    chance, acks = seeded("outages"), tmp_path / "acks"
    database, aside = home / "legato.db", home / "aside"
    for _ in range(scale("OUTAGES")):
        if database.exists():
            database.rename(aside)
        database.mkdir()
        victim = start("flows", acks, 100_000, "alone")
        for _ in range(chance.randint(1, 12)):
            victim.until("part")
        victim.kill()
        database.rmdir()
        if aside.exists():
            aside.rename(database)
        deliver(home, f"spool.delivered=kill:{chance.randint(1, 4)}")
        deliver(home, None)
        assert not list((home / "spool").glob("*.db"))
        assert problems(home) == []
        assert lost(home, acks.read_text().splitlines()) == []
        assert unclosed(home, victim.pid) == []


def deliver(home: Path, failpoints: str | None) -> None:
    actor = Actor(home, SEND, LEGATO_FAILPOINTS=failpoints)
    try:
        assert actor.ends() in (0, -signal.SIGKILL if failpoints else 0), actor.errors()
    finally:
        actor.close()
