"""The rows of a long history, made from those of one real run."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from legato._model.events import EventCreate
from legato._store import events
from legato._store.port import Lane
from legato._store.sqlite import SqliteStore

FLOW = """
import logging
from legato import flow, get_run_logger, task

@task(tags=["bench"])
def step(x: int) -> int:
    return x + 1

@flow(log_prints=True)
def nightly(day: int) -> int:
    get_run_logger().info("The day is %s", day)
    return step(step(step(day)))

nightly(1)
"""
ENDS = [("COMPLETED", "Completed")] * 17 + [("FAILED", "Failed")] * 2 + [("CRASHED", "Crashed")]
FLOWS, TEAMS = 50, 20
LOGS_EVERY = 10  # of so many runs, one has log lines
EVENTS_EVERY = 5  # of so many runs, one has an event of the user's
LONG_LOG = 10_000  # lines of the newest run
RUNS_A_WRITER = 100
SECOND, DAY = 1_000_000, 86_400_000_000
Row = dict[str, Any]


class Templates:
    """The rows of one real run, by table."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory(prefix="legato-seed-") as home:
            script = Path(home) / "nightly.py"
            script.write_text(FLOW, encoding="utf-8")
            env = {**os.environ, "LEGATO_HOME": home}
            subprocess.run(
                [sys.executable, script], check=True, env=env, cwd=home, capture_output=True
            )
            _tell_event(Path(home) / "legato.db")
            connection = sqlite3.connect(Path(home) / "legato.db")
            connection.row_factory = sqlite3.Row
            self._rows = {table: self._read(connection, table) for table in ORDER}
            connection.close()

    def one(self, table: str) -> Row:
        return self._rows[table][0]

    def all(self, table: str) -> list[Row]:
        return self._rows[table]

    @staticmethod
    def _read(connection: sqlite3.Connection, table: str) -> list[Row]:
        found = connection.execute(f"SELECT * FROM {table}")
        return [dict(row) for row in found]


def _tell_event(database: Path) -> None:
    """Keep one event of a user's, as a server does."""
    resource = {"prefect.resource.id": "bench.table.orders"}
    told = EventCreate(
        id=UUID(int=1), event="bench.table.loaded", occurred=datetime.now(UTC), resource=resource
    )
    store = SqliteStore(database)
    store.run(lambda tx: events.record(tx, datetime.now(UTC), [told]), Lane.PROPOSALS)
    store.close()


class History:
    """All rows, table by table, from the templates."""

    def __init__(self, templates: Templates, flow_runs: int, tasks: int, days: float) -> None:
        self._of, self.runs, self.tasks = templates, flow_runs, tasks
        self._random = random.Random(7)
        self._apart = int(days * DAY / flow_runs)
        self._first = int(time.time() * 1e6) - self._apart * flow_runs
        self._salt = self._random.getrandbits(20)
        self._positions = 3 * (1 + tasks) + 1
        self.ends = [self._random.choice(ENDS) for _ in range(1009)]

    def start(self, run: int) -> int:
        return self._first + run * self._apart

    def id_of(self, kind: int, run: int, number: int = 0) -> bytes:
        """Return an id that sorts by time, as version 7 does."""
        ms = self.start(run) // 1000
        tail = (2 << 62) | (self._salt << 42) | (run << 12) | (number << 4) | kind
        return ((ms << 80) | (7 << 76) | (kind << 64) | tail).to_bytes(16, "big")

    @property
    def next_position(self) -> int:
        return self.runs * self._positions + 1

    def _position(self, run: int, number: int) -> int:
        return run * self._positions + number + 1

    def flow(self) -> Iterator[Row]:
        for n in range(FLOWS):
            yield {**self._of.one("flow"), "id": self._flow_id(n), "name": f"flow-{n}"}

    def _flow_id(self, run: int) -> bytes:
        return (run % FLOWS + 1).to_bytes(16, "big")

    def writer(self) -> Iterator[Row]:
        for run in range(0, self.runs, RUNS_A_WRITER):
            yield {**self._of.one("writer"), "id": self.id_of(1, run), "environment_id": None}

    def _writer_id(self, run: int) -> bytes:
        return self.id_of(1, run - run % RUNS_A_WRITER)

    def attempt(self) -> Iterator[Row]:
        for run in range(self.runs):
            began = self.start(run)
            yield {
                **self._of.one("attempt"),
                "flow_run_id": self.id_of(2, run),
                "writer_id": self._writer_id(run),
                "opened_at": began,
                "closed_at": began + 3 * SECOND,
            }

    def flow_run(self) -> Iterator[Row]:
        for run in range(self.runs):
            yield {
                **self._of.one("flow_run"),
                **self._standing(run, self.start(run), self.id_of(5, run, 3)),
                "id": self.id_of(2, run),
                "flow_id": self._flow_id(run),
                "name": f"run-{run}",
                "tags": f'["team-{run % TEAMS}"]',
                "parameters_id": None,
                "root_flow_run_id": self.id_of(2, run),
            }

    def _standing(self, run: int, began: int, state_id: bytes) -> Row:
        kind, name = self.ends[run % len(self.ends)]
        return {
            "created_at": began,
            "updated_at": began + SECOND,
            "expected_at": began,
            "start_at": began,
            "sort_at": began,
            "end_at": began + SECOND,
            "state_at": began + SECOND,
            "state_id": state_id,
            "state_type": kind,
            "state_name": name,
        }

    def flow_run_tag(self) -> Iterator[Row]:
        for run in range(self.runs):
            row = {"ws": self._of.one("flow_run")["ws"], "tag": f"team-{run % TEAMS}"}
            yield {**row, "run_id": self.id_of(2, run)}

    def flow_run_state(self) -> Iterator[Row]:
        for run in range(self.runs):
            yield from self._history("flow_run_state", run, self.id_of(2, run), 0)

    def _history(self, table: str, run: int, run_id: bytes, place: int) -> Iterator[Row]:
        """Three transitions of a run; `place` is its number among those of the flow run."""
        noun = table.removesuffix("_state")
        kind, name = self.ends[run % len(self.ends)]
        for n, template in enumerate(self._of.all(table)[:3]):
            last = {"type": kind, "name": name} if n == 2 else {}
            yield {
                **template,
                **last,
                f"{noun}_id": run_id,
                "position": self._position(run, 3 * place + n),
                "state_id": self.id_of(5, run, 4 * place + n + 1),
                "at": self.start(run) + place * SECOND // 4 + n * 1000,
            }

    def task_run(self) -> Iterator[Row]:
        templates = self._of.all("task_run")
        for run in range(self.runs):
            for n in range(self.tasks):
                began = self.start(run) + n * SECOND // 4
                yield {
                    **templates[n % len(templates)],
                    **self._standing(run, began, self.id_of(5, run, 4 * (n + 1) + 3)),
                    "id": self.id_of(3, run, n),
                    "flow_run_id": self.id_of(2, run),
                    "writer_id": self._writer_id(run),
                    "name": f"step-{n}",
                    "dynamic_key": f"step:{n}",
                    "result_id": None,
                    "result_body": None,
                }

    def task_run_tag(self) -> Iterator[Row]:
        template = self._of.one("task_run_tag")
        for run in range(self.runs):
            for n in range(self.tasks):
                yield {**template, "run_id": self.id_of(3, run, n)}

    def task_run_state(self) -> Iterator[Row]:
        for run in range(self.runs):
            for n in range(self.tasks):
                yield from self._history("task_run_state", run, self.id_of(3, run, n), n + 1)

    def log(self) -> Iterator[Row]:
        template, newest = self._of.one("log"), self.runs - 1
        for run in range(self.runs):
            if run % LOGS_EVERY and run != newest:
                continue
            began = self.start(run)
            for n in range(LONG_LOG if run == newest else 5):
                at = began + n * 1000
                yield {
                    **template,
                    "flow_run_id": self.id_of(2, run),
                    "writer_id": self._writer_id(run),
                    "seq": run * 16 + n if run != newest else (1 << 40) + n,
                    "day": at // DAY,
                    "task_run_id": None,
                    "message": f"line {n} of run {run}",
                    "at": at,
                }

    def event(self) -> Iterator[Row]:
        for run in range(0, self.runs, EVENTS_EVERY):
            at = self.start(run)
            yield {
                **self._of.one("event"),
                "position": self._position(run, self._positions - 1),
                "day": at // DAY,
                "event_id": self.id_of(6, run),
                "occurred_at": at,
                "received_at": at,
            }

    def event_resource(self) -> Iterator[Row]:
        for run in range(0, self.runs, EVENTS_EVERY):
            place = self._position(run, self._positions - 1)
            day = self.start(run) // DAY
            yield {**self._of.one("event_resource"), "position": place, "day": day}


ORDER = (
    "flow",
    "writer",
    "flow_run",
    "attempt",
    "flow_run_tag",
    "flow_run_state",
    "task_run",
    "task_run_tag",
    "task_run_state",
    "log",
    "event",
    "event_resource",
)
