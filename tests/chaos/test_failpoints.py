"""kill -9 at named points of the write path."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from socket import gethostname
from typing import TYPE_CHECKING

import pytest

from legato._store.faults import DURABLE_POINTS, POINTS, SERVER_POINTS, UPGRADE_POINTS
from tests.chaos.processes import ROOT, Actor, sweep
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import crash_messages, lost, problems, unclosed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

FIRST = (
    "template.before_rename",
    "store.before_commit",
    "store.after_commit",
    "store.after_unlock",
    "journal.after_sink",
    "journal.after_fork_in_parent",
    "checkpoint.after",
    "ownership.before_close",
)
"""The points that every test run takes; scripts/chaos takes all."""
ONCE = re.compile(r"template|ownership|store\.opened|journal\.close|fork")
SPOOL = frozenset(name for name in POINTS if name.startswith("spool."))
"""Points of an outage; tests/backend/test_spool.py kills there."""
CHOSEN = FIRST[: scale("FAILPOINTS")] if scale("FAILPOINTS") else tuple(sorted(POINTS - SPOOL))

Start = Callable[..., Actor]


@pytest.mark.parametrize("point", CHOSEN)
def test_a_kill_there_loses_nothing_acked(
    home: Path, start: Start, tmp_path: Path, point: str
) -> None:
    """The next process closes what the victim held, and finds all that was acknowledged.

    If the store answered before its commit, a kill at `store.before_commit` would lose an
    acknowledged transition; if a batch that was committed but not answered (`journal.after_sink`)
    could come in again, versions would repeat; without the kernel lock a kill inside a checkpoint
    meets a commit of the neighbour; if a sweep closed runs in several transactions, one that is
    killed (`ownership.before_close`) would leave half of them open.
    """
    chance = seeded(point)
    hit = 1 if ONCE.search(point) else chance.randint(1, 3 if "checkpoint" in point else 25)
    print(f"hit {hit}")
    fresh = point.startswith("template") or point in ("store.opened", "ownership.before_hold")
    neighbour = None if fresh else start("neighbour")
    if neighbour:
        neighbour.until("busy")
    acks = tmp_path / "acks"
    ends_alone = point in ("journal.close", "journal.after_fork_in_child")
    armed = None if point == "ownership.before_close" else f"{point}=kill:{hit}"
    victim = start("flows", acks, 3 if ends_alone else 100_000, LEGATO_FAILPOINTS=armed)
    if armed is None:
        victim.until("part")
        victim.kill()
        assert sweep(home, LEGATO_FAILPOINTS=f"{point}=kill") == -signal.SIGKILL
    if point == "journal.after_fork_in_child":  # the child dies, not its parent
        assert victim.ends() == 0, victim.errors()
        assert "child" not in victim.rest()
    else:
        assert victim.ends() == -signal.SIGKILL, victim.errors()
    if not neighbour:
        neighbour = start("neighbour")
        neighbour.until("busy")
    sweep(home)
    noted = acks.read_text().splitlines() if acks.exists() else []
    assert problems(home) == []
    assert lost(home, noted) == []
    assert unclosed(home, victim.pid) == []
    if noted and not ends_alone:
        message = f"process {victim.pid} on {gethostname()} ended without reporting"
        assert crash_messages(home, victim.pid) == {message}
    neighbour.tell()
    assert neighbour.ends() == 0, neighbour.errors()
    assert problems(home) == []


def test_the_list_of_fail_points_is_that_of_the_code() -> None:
    """Else a point could be misspelt, or never be tried."""
    found = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r'failpoint\("([a-z_.]+)"\)', path.read_text())
    }
    assert found - {"noun.moment"} == POINTS | UPGRADE_POINTS | DURABLE_POINTS | SERVER_POINTS
    assert len(POINTS) >= 20


def test_each_fail_point_is_hit_by_some_run(home: Path, start: Start, tmp_path: Path) -> None:
    """A point that no run passes proves nothing when it is armed."""
    notes = tmp_path / "notes"
    env = {
        "LEGATO_FAILPOINTS": ",".join(f"{name}=note" for name in POINTS),
        "LEGATO_FAILPOINTS_NOTES": str(notes),
    }
    whole = start("flows", tmp_path / "acks", 30, **env)
    whole.until("done")
    whole.tell()
    assert whole.ends() == 0, whole.errors()
    killed = start("flows", tmp_path / "more", 100_000)
    killed.until("part")
    killed.kill()
    sweep(home, **env)
    (home / "legato.db").rename(home / "aside")
    (home / "legato.db").mkdir()
    offline = start("flows", tmp_path / "others", 3, **env)
    offline.until("done")
    offline.tell()
    assert offline.ends() == 0, offline.errors()
    (home / "legato.db").rmdir()
    (home / "aside").rename(home / "legato.db")
    (home / "spool" / f"{'0' * 32}.db").write_bytes(b"This is no database. " * 1000)
    sweep(home, **env)
    sweep(home, **env)
    assert set(notes.read_text().split()) == POINTS
