"""A process that is silent is not dead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.chaos.processes import Actor, sweep
from tests.chaos.scale import scale
from tests.chaos.verdict import look, problems

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def test_a_task_that_holds_the_gil_is_never_marked(home: Path, start: Callable[..., Actor]) -> None:
    """A heartbeat from a thread of the process would stop here, and the run be called Crashed."""
    seconds = scale("GIL_SECONDS")
    silent = start("gil", seconds)
    silent.until("holding")
    sweeps = 0
    # the sweeper's own start is the pace; no line can come from the silent process
    while silent.process.poll() is None:
        sweep(home)
        sweeps += 1
        assert look(home, "select count(*) from flow_run_state where type = 'CRASHED'") == [(0,)]
    assert silent.ends() == 0, silent.errors()
    assert sweeps >= seconds
    assert look(home, "select state_type, run_count from flow_run") == [("COMPLETED", 1)]
    assert look(home, "select type from task_run_state order by version") == [
        ("PENDING",),
        ("RUNNING",),
        ("COMPLETED",),
    ]
    assert problems(home) == []
    print(f"silent for {seconds} s, looked at by {sweeps} processes")
