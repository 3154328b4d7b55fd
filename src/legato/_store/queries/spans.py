"""Counts of all runs of a span of time: ended ones by what is kept of them, the rest one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, LiteralString, NamedTuple

from legato._model.filters import Operator, TimeFilter
from legato._model.operations.lists import filters
from legato._model.states import TERMINAL, StateType
from legato._store import sql, tallies
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries import conditions
from legato._store.sql import Sql
from legato._store.tallies import SPAN_US

_FOR_EVER = 1 << 62
_TOGETHER = 100
"""Stretches that are counted in one statement."""
_ENDS = {state.value for state in TERMINAL}


class Ended(NamedTuple):
    """Runs of an interval that ended in one state; there may be several of each."""

    interval: int
    state_type: str
    state_name: str
    runs: int
    run_us: int
    late_us: int


class Asked(NamedTuple):
    """A request for runs by one of their times, and by the types of their states if any."""

    axis: LiteralString
    first: int
    end: int
    states: frozenset[str] | None


def ended(
    tx: Transaction,
    times: tuple[LiteralString, LiteralString],
    within: tuple[int, int],
    by: tuple[int, int],
    states: Sql = sql.ALWAYS,
    one_by_one: Callable[..., Sql] = tallies.counted,
) -> Iterator[Ended]:
    """Count the ended runs of intervals (`by`: start and length) from one time up to another.

    `times` is the table, and the column of the time that counts.
    What is kept of a span counts for the interval that it lies in as a whole. `one_by_one`: the
    query for the rest.
    """
    for row in tx.select(tallies.kept(*times, *within, by, states)):
        yield Ended(int(row[0]), row[1], row[2], *map(int, row[3:]))
    left = list(_gaps(tx, times[0], within, by))
    for n in range(0, len(left), _TOGETHER):
        for row in tx.select(one_by_one(*times, left[n : n + _TOGETHER], by, states)):
            yield Ended(int(row[0]), row[1], row[2], *map(int, row[3:]))


def _gaps(
    tx: Transaction, table: LiteralString, within: tuple[int, int], by: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield from where to where nothing is kept that could be summed."""
    zero, length = by
    reached, end = within
    for start in tallies.list_counted(tx, table, *within):
        if (start - zero) // length != (start + SPAN_US - 1 - zero) // length:
            continue
        if start > reached:
            yield reached, start
        reached = start + SPAN_US
    if reached < end:
        yield reached, end


def asked(noun: str, request: Any) -> Asked | None:
    """Return what a request asks for if that is all runs of a time; None: something else."""
    given = filters(request)
    own: Any = given.pop(noun, None)
    if noun == "flows" or own is None or given or own.operator is Operator.or_:
        return None
    leaves = {name for name in own.__struct_fields__ if getattr(own, name) is not None}
    times = leaves - {"operator", "state"}
    if len(times) != 1 or not times <= {"start_time", "expected_start_time"}:
        return None
    (name,) = times
    axis: LiteralString = "start_at" if name == "start_time" else "expected_at"
    states = _states(own.state)
    leaf: TimeFilter = getattr(own, name)
    if leaf.after_ is None or leaf.is_null_ is not None or (own.state and states is None):
        return None
    end = _FOR_EVER if leaf.before_ is None else micros(leaf.before_) + 1
    return Asked(axis, micros(leaf.after_), end, states)


def _states(given: Any) -> frozenset[str] | None:
    """Return the types of a filter that has nothing but these."""
    if given is None or given.name is not None or given.type is None:
        return None
    if given.type.any_ is None or given.type.not_any_ is not None:
        return None
    return frozenset(state.value for state in given.type.any_)


def by_state(tx: Transaction, table: LiteralString, request: Asked) -> dict[str, int]:
    """Count the runs of a span of time by the type of their state."""
    axis, first, end, states = request
    found: dict[str, int] = {}
    if states is None or not states <= _ENDS:
        found.update(_live(tx, table, request))
    if states is None or states & _ENDS:
        wanted = sql.ALWAYS if states is None else sql.is_in("state_type", sorted(states))
        span, light = ((first, end), (first, _FOR_EVER)), tallies.counted_only
        for each in ended(tx, (table, axis), *span, wanted, light):
            found[each.state_type] = found.get(each.state_type, 0) + each.runs
    return found


def _live(tx: Transaction, table: LiteralString, request: Asked) -> list[tuple[Any, ...]]:
    axis, first, end, states = request
    if table == "flow_run" and axis == "start_at":
        axis = "sort_at"  # of one that has not begun, when it is expected to
    within: LiteralString = f"{table}.{axis} >= ? AND {table}.{axis} < ?"
    picked = [
        Sql(f"{table}.ws = ?", (DEFAULT_WORKSPACE,)),
        *conditions.live(table),
        Sql(within, (first, end)),
        Sql(f"{table}.state_type IS NOT NULL"),
    ]
    if states is not None:
        wanted = [state for state in StateType if state.value in states]
        picked.append(sql.is_in(f"{table}.state_type", wanted))
    head = Sql(f"SELECT {table}.state_type, count(*) FROM {table} WHERE")
    return tx.select(head.then(sql.all_of(picked), Sql(f"GROUP BY {table}.state_type")))
