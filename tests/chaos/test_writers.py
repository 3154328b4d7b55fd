"""Many processes that write at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.chaos.processes import Actor
from tests.chaos.scale import scale
from tests.chaos.verdict import count, problems

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


def test_no_writer_meets_a_lock_error_and_every_record_is_there_once(
    home: Path, start: Callable[..., Actor]
) -> None:
    """SQLite's own busy handler would starve some of them; the kernel's lock has a queue."""
    number, flows = scale("WRITERS"), scale("FLOWS")
    writers = [start("writer", flows) for _ in range(number)]
    for writer in writers:
        writer.until("ready")
    for writer in writers:
        writer.tell()
    took = sorted(ms for writer in writers for ms in json.loads(writer.until("took")))
    for writer in writers:
        assert writer.ends() == 0, writer.errors()
        assert "legato:" not in writer.errors()
        assert "lock" not in writer.errors()
    assert problems(home) == []
    runs = number * flows
    for noun, each in (("flow", 1), ("task", 5)):
        query = f"select count(*) from {noun}_run where state_type = 'COMPLETED'"
        assert count(home, query) == runs * each
        assert count(home, f"select count(*) from {noun}_run_state") == 3 * runs * each
    assert count(home, "select count(*) from log") == 2 * runs
    middle, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(
        f"{number} processes, {len(took)} commits: p50 {middle:.1f} ms, p99 {p99:.1f} ms,"
        f" most {took[-1]:.1f} ms"
    )
