"""Counts of ended runs by spans of time: what a count or a history over days is summed from.

A row of `tally` is about the runs of one span: those expected in it, by their end, and those that
started in it. It is made long after the span (`SETTLED_US`) by a duty of the server, and deleted
by whoever changes or deletes a run of it then (`forget`); what no row is about is counted run by
run. Most runs are moved soon after their start, so nearly no transition has anything to forget.

A row is announced first and filled a minute later, if it is still there: by then, each transaction
that may have moved a run without seeing the row is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from time import time
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from legato._store import sql
from legato._store.checks import ENDED
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql

SPAN_US = 300_000_000
SETTLED_US = 1_200_000_000
"""How long after its end a span is counted."""
_RECENT_US = 600_000_000
"""Younger runs are in no row: the clocks of two machines may differ by the rest of `SETTLED_US`."""
_ANNOUNCED_US = 60_000_000
_WINDOW_US = 32 * 86_400_000_000
"""How far back spans are counted."""
AT_ONCE = 500
_TOGETHER = 24
"""Spans that are counted in one statement."""

Noun = LiteralString
NOUNS: tuple[Noun, ...] = ("flow_run", "task_run")


Row = tuple[Any, ...]
Stretches = Sequence[tuple[int, int]]
"""Times from which, and up to which: microseconds."""


class Due(NamedTuple):
    """A span that is to be counted."""

    noun: Noun
    start_at: int
    announced_at: int

    @property
    def end_at(self) -> int:
        return self.start_at + SPAN_US


AXES: tuple[LiteralString, ...] = ("expected_at", "start_at")


def forget(tx: Transaction, noun: Noun, times: Sequence[int]) -> None:
    """Drop what is kept of the spans of runs that changed: when they were expected, and began."""
    if times and min(times) < time() * 1_000_000 - _RECENT_US:
        _drop(tx, noun, {at // SPAN_US * SPAN_US for at in times})


def _drop(tx: Transaction, noun: Noun, starts: set[int]) -> None:
    """Delete rows, one span after the other: in the same order whoever does."""
    span: LiteralString = "ws = ? AND noun = ? AND start_at = ?"
    axes = sql.is_in("axis", AXES)
    for start in sorted(starts):
        key = (DEFAULT_WORKSPACE, noun, start)
        if tx.execute(Sql(f"DELETE FROM tally WHERE {span}", key)):
            delete: LiteralString = f"DELETE FROM tally_count WHERE {span} AND {axes.text}"
            tx.execute(Sql(delete, (*key, *axes.values)))


def forget_flow_runs(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Drop what is kept of the spans of flow runs and their task runs, before they are deleted."""
    _forget_where(tx, "flow_run", sql.is_in("flow_run.id", ids))
    _forget_where(tx, "task_run", sql.is_in("task_run.flow_run_id", ids))


def forget_task_runs(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Drop what is kept of the spans of task runs, before they are deleted."""
    _forget_where(tx, "task_run", sql.is_in("task_run.id", ids))


def _forget_where(tx: Transaction, noun: Noun, those: Sql) -> None:
    starts: set[int] = set()
    for axis in AXES:
        head = Sql(f"SELECT DISTINCT {noun}.{axis} / ? FROM {noun} WHERE", (SPAN_US,))
        rows = tx.select(head.then(those, Sql(f"AND {noun}.{axis} IS NOT NULL")))
        starts |= {row[0] * SPAN_US for row in rows}
    _drop(tx, noun, starts)


def list_counted(tx: Transaction, noun: Noun, first: int, end: int) -> list[int]:
    """Return the starts of the spans within two times that were counted, in their order."""
    those: LiteralString = "ws = ? AND noun = ? AND start_at >= ? AND start_at <= ? AND counted = 1"
    values = (DEFAULT_WORKSPACE, noun, first, end - SPAN_US)
    query: LiteralString = f"SELECT start_at FROM tally WHERE {those} ORDER BY start_at"
    return [row[0] for row in tx.select(Sql(query, values))]


def kept(
    noun: Noun, axis: LiteralString, first: int, end: int, by: tuple[int, int], states: Sql
) -> Sql:
    """Return the query that sums up the counted spans between two times, as `counted` does.

    A span counts if it lies in one interval as a whole.
    """
    zero, length = by
    number: LiteralString = "(start_at - ?) / ?"
    return Sql(
        f"SELECT {number}, state_type, state_name, sum(runs), sum(run_us), sum(late_us) "
        "FROM tally_count WHERE ws = ? AND noun = ? AND axis = ? "
        f"AND start_at >= ? AND start_at <= ? AND {number} = {number} AND {states.text} "
        "GROUP BY 1, 2, 3",
        (
            zero, length, DEFAULT_WORKSPACE, noun, axis, first, end - SPAN_US,
            zero, length, zero - SPAN_US + 1, length, *states.values,
        ),
    )  # fmt: skip


def counted(
    noun: Noun, axis: LiteralString, stretches: Stretches, by: tuple[int, int], states: Sql
) -> Sql:
    """Return the query that counts ended runs of some stretches of time one by one.

    `by` is the start and the length of intervals, whose numbers come first in its rows; `states`
    a condition on the columns of the state.
    """
    late: LiteralString = f"{noun}.start_at - {noun}.expected_at"
    sums: LiteralString = (
        f"{noun}.state_name, count(*), sum({noun}.total_run_us), "
        f"coalesce(sum({late}) FILTER (WHERE {late} > 0), 0)"
    )
    query, values = _ended(noun, axis, stretches, sums, states)
    return Sql(f"SELECT ({noun}.{axis} - ?) / ?, {query} GROUP BY 1, 2, 3", (*by, *values))


def counted_only(
    noun: Noun, axis: LiteralString, stretches: Stretches, by: tuple[int, int], states: Sql
) -> Sql:
    """Return the query that does as `counted` without names and sums, for which an index does."""
    query, values = _ended(noun, axis, stretches, "'', count(*), 0, 0", states)
    return Sql(f"SELECT ({noun}.{axis} - ?) / ?, {query} GROUP BY 1, 2", (*by, *values))


def _ended(
    noun: Noun, axis: LiteralString, stretches: Stretches, sums: LiteralString, states: Sql
) -> Sql:
    """One condition for all stretches: to plan a statement for each costs more than to count.

    Each stretch names the workspace, or SQLite finds none of them by the index on both.
    """
    column: LiteralString = f"{noun}.{axis}"
    one: LiteralString = f"({noun}.ws = ? AND {column} >= ? AND {column} < ?)"
    within = sql.any_of([Sql(one, (DEFAULT_WORKSPACE, *each)) for each in stretches])
    return Sql(
        f"{noun}.state_type, {sums} FROM {noun} WHERE {within.text} "
        f"AND {noun}.{ENDED} AND {states.text}",
        (*within.values, *states.values),
    )


def list_missing(tx: Transaction, noun: Noun, now: datetime) -> list[int]:
    """Return starts of spans that nothing is kept of and that are over, the latest first."""
    last = (micros(now) - SETTLED_US) // SPAN_US * SPAN_US - SPAN_US
    oldest = [at for at in (_oldest(tx, noun, axis) for axis in AXES) if at is not None]
    if not oldest:
        return []
    first = max(min(oldest), last - _WINDOW_US) // SPAN_US * SPAN_US
    there: LiteralString = "SELECT start_at FROM tally WHERE ws = ? AND noun = ? AND start_at >= ?"
    kept = {row[0] for row in tx.select(Sql(there, (DEFAULT_WORKSPACE, noun, first)))}
    missing = [start for start in range(last, first - 1, -SPAN_US) if start not in kept]
    return missing[:AT_ONCE]


def _oldest(tx: Transaction, noun: Noun, axis: LiteralString) -> int | None:
    known: LiteralString = f"{noun}.ws = ? AND {noun}.{axis} IS NOT NULL"
    query: LiteralString = f"SELECT min({noun}.{axis}) FROM {noun} WHERE {known}"
    found: int | None = tx.select(Sql(query, (DEFAULT_WORKSPACE,)))[0][0]
    return found


def announce(tx: Transaction, noun: Noun, starts: Iterable[int], now: datetime) -> None:
    """Say of which spans something will be kept."""
    row = Sql("(?, ?, ?, ?)")
    rows = [Sql(row.text, (DEFAULT_WORKSPACE, noun, start, micros(now))) for start in starts]
    head = Sql("INSERT INTO tally (ws, noun, start_at, announced_at) VALUES")
    tx.execute(head.then(sql.joined(", ", rows), Sql("ON CONFLICT DO NOTHING")))


def list_due(tx: Transaction, noun: Noun, now: datetime) -> list[Due]:
    """Return spans of one stretch that were announced and are to be counted now, latest first."""
    rows = tx.select(
        Sql(
            "SELECT start_at, announced_at FROM tally WHERE ws = ? AND noun = ? "
            "AND counted = 0 AND announced_at <= ? ORDER BY start_at DESC LIMIT ?",
            (DEFAULT_WORKSPACE, noun, micros(now) - _ANNOUNCED_US, _TOGETHER),
        )
    )
    return [Due(noun, *row) for row in rows if row[0] > rows[0][0] - _TOGETHER * SPAN_US]


def count(tx: Transaction, due: Sequence[Due]) -> dict[int, list[Row]]:
    """Count the runs of the spans of a stretch, by each axis: rows of `tally_count` by span."""
    noun, first, end = due[0].noun, due[-1].start_at, due[0].end_at
    found: dict[int, list[Row]] = {}
    for axis in AXES:
        query = counted(noun, axis, [(first, end)], (first, SPAN_US), sql.ALWAYS)
        for number, kind, name, *sums in tx.select(query):
            start = first + int(number) * SPAN_US
            row = (DEFAULT_WORKSPACE, noun, axis, start, kind, name, *map(int, sums))
            found.setdefault(start, []).append(row)
    return found


def fill(tx: Transaction, due: Sequence[Due], counts: dict[int, list[Row]]) -> int:
    """Keep what was counted of spans that still stand as announced; return of how many."""
    fill: LiteralString = (
        "UPDATE tally SET counted = 1 "
        "WHERE ws = ? AND noun = ? AND start_at = ? AND announced_at = ? AND counted = 0"
    )
    rows: list[Row] = []
    filled = 0
    for each in due:
        if tx.execute(Sql(fill, (DEFAULT_WORKSPACE, *each))):
            filled += 1
            rows += counts.get(each.start_at, [])
    if rows:
        tx.run_many("tally_count.create", rows)
    return filled
