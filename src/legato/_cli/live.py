"""What `legato run` shows in a terminal: the run's state, its age, and counts of its tasks."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from legato._cli import times
from legato._cli.status_line import StatusLine
from legato._cli.tables import printable
from legato._model.records import Batch, TaskRunCreated, TaskRunMoved
from legato._model.states import TERMINAL, State
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from legato._backend.process import ProcessBackend


class Tally:
    """Counts task runs by state, out of what is committed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._live: dict[UUID, str] = {}

    def take(self, batch: Batch) -> None:
        """Count the records of a batch; called by the thread that has committed it."""
        for record in batch.records:
            if isinstance(record, TaskRunCreated):
                self._enter(record.run.id, record.run.state)
            elif isinstance(record, TaskRunMoved) and record.task_run_id in self._live:
                self.counts[self._live.pop(record.task_run_id)] -= 1
                self._enter(record.task_run_id, record.state)

    def _enter(self, run_id: UUID, state: State) -> None:
        self.counts[state.name] += 1
        if state.type not in TERMINAL:
            self._live[run_id] = state.name

    def __str__(self) -> str:
        parts = [f"{count} {name}" for name, count in self.counts.copy().items() if count > 0]
        return f"tasks: {', '.join(map(printable, parts))}" if parts else ""


def is_wanted(stream: TextIO) -> bool:
    """Tell whether a line that changes can be shown there."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return stream.isatty() and not plain and sys.platform != "win32"


@contextmanager
def display() -> Generator[None]:
    """Show the outermost flow run of this process while the block runs, if a terminal can."""
    if not is_wanted(sys.stderr):
        yield
        return
    from legato._backend.current import current

    backend: ProcessBackend = current()
    tally = Tally()
    backend.on_commit = tally.take
    line = StatusLine(lambda: _text(tally))
    line.start()
    try:
        yield
    finally:
        line.stop()
        backend.on_commit = None


def _text(tally: Tally) -> str:
    run = next(iter(watch.runs), None)
    if run is None or run.state is None:
        return ""
    age = times.lasted(run.progress.start_time, None)
    return "  ".join(filter(None, [printable(run.name), run.state.name, age, str(tally)]))
