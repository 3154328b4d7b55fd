"""Whether what a home holds can be true: the file is whole, and no history has a hole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from pathlib import Path

_HISTORIES = (("flow_run_state", "flow_run"), ("task_run_state", "task_run"))
_HOLES = """
    select count(*) from (
        select count(*) n, max(version) v, min(version) low from {0}
        where version is not null group by {1}_id
    ) where n <> v or low <> 1"""
_STALE = """
    select count(*) from {1} r where not exists (
        select 1 from {0} s where s.{1}_id = r.id and s.version = r.version
        and s.state_id = r.state_id and s.type = r.state_type)"""
_BROKEN = """
    select count(*) from (
        select from_type f, opens, lag(type, 1, '') over (partition by {1}_id order by version) b
        from {0} where version is not null
    ) where f <> b"""
_DISORDER = """
    select count(*) from (
        select position p, lag(position, 1, 0) over (partition by {1}_id order by version) b
        from {0} where version is not null
    ) where p <= b"""
_POSITIONS = """
    select count(*), count(distinct position), coalesce(max(position), 0) from
    (select position from flow_run_state union all select position from task_run_state)"""
_LOST = """
    select count(*) from log join writer on writer.id = log.writer_id
    where log.seq > writer.last_seq"""


def look(home: Path, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Read with a connection of our own, as any other program would."""
    path = f"file:{home / 'legato.db'}?mode=ro"
    with closing(sqlite3.connect(path, uri=True, timeout=20)) as connection:
        return connection.execute(query, parameters).fetchall()


def count(home: Path, query: str, *parameters: Any) -> int:
    """Return the number that a query finds."""
    [[number]] = look(home, query, *parameters)
    return int(number)


def problems(home: Path) -> list[str]:
    """Return what is wrong with a database; processes may go on writing meanwhile."""
    found = [f"integrity: {text}" for (text,) in look(home, "pragma integrity_check")]
    found = [text for text in found if text != "integrity: ok"]
    for names in _HISTORIES:
        for what, query in (
            ("holes", _HOLES),
            ("stale rows", _STALE),
            ("broken chains", _BROKEN),
            ("disorder", _DISORDER),
        ):
            if number := count(home, query.format(*names)):
                found.append(f"{number} {what} in {names[0]}")
    [(total, distinct, _)] = look(home, _POSITIONS)
    if total != distinct:
        found.append(f"{total - distinct} positions twice")
    for what, query in (
        ("quarantined", "select count(*) from quarantine"),
        ("log lines beyond their writer's mark", _LOST),
    ):
        if number := count(home, query):
            found.append(f"{number} {what}")
    return found


def lost(home: Path, acks: Iterable[str]) -> list[str]:
    """Return the acknowledged transitions (`RUNNING <flow run>`) that the history lacks.

    What ended Completed has all that its tasks reported before: a terminal state is a barrier.
    """
    missing = []
    for ack in acks:
        kind, _, text = ack.partition(" ")
        run = UUID(text).bytes
        query = "select count(*) from flow_run_state where flow_run_id = ? and type = ?"
        if count(home, query, run, kind) != 1:
            missing.append(ack)
        if kind == "COMPLETED":
            query = (
                "select count(*) from task_run_state s join task_run t on t.id = s.task_run_id"
                " where t.flow_run_id = ?"
            )
            if (number := count(home, query, run)) != 3 * TASKS:
                missing.append(f"{ack}: {number} task states instead of {3 * TASKS}")
            query = "select count(*) from flow_run where id = ? and state_type = 'COMPLETED'"
            if count(home, query, run) != 1:
                missing.append(f"{ack}: is not Completed now")
    return missing


TASKS = 4
"""Tasks in each flow run that actors/flows.py acknowledges as Completed."""


def unclosed(home: Path, pid: int) -> list[str]:
    """Return what a dead process still holds."""
    found = []
    for what, query in (
        (
            "open attempts",
            (
                "select count(*) from attempt a join writer w on w.id = a.writer_id"
                " where w.pid = ? and a.closed_at is null"
            ),
        ),
        (
            "live flow runs",
            (
                "select count(*) from flow_run f join attempt a on a.flow_run_id = f.id"
                " join writer w on w.id = a.writer_id where w.pid = ? and f.end_at is null"
            ),
        ),
        (
            "live task runs",
            (
                "select count(*) from task_run t join writer w on w.id = t.writer_id"
                " where w.pid = ? and t.end_at is null"
            ),
        ),
    ):
        if number := count(home, query, pid):
            found.append(f"{number} {what} of process {pid}")
    return found


def crash_messages(home: Path, pid: int) -> set[str]:
    """Return what is said of the process's runs that ended Crashed."""
    rows = look(
        home,
        "select f.state_message from flow_run f join attempt a on a.flow_run_id = f.id"
        " join writer w on w.id = a.writer_id where w.pid = ? and f.state_type = 'CRASHED'"
        " union select t.state_message from task_run t join writer w on w.id = t.writer_id"
        " where w.pid = ? and t.state_type = 'CRASHED'",
        pid,
        pid,
    )
    return {text for (text,) in rows}
