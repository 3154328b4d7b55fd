"""Where a run stands, as its row has it; what the rules and the next transition need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from legato._model.flow_runs import FlowRunPolicy
from legato._model.records import Progress
from legato._model.states import TERMINAL, StateType
from legato._store.dialect import EPOCH
from legato._store.port import Transaction

WIDTH = 15
TYPES = {t.value: t for t in StateType}
TERMINAL_NAMES = frozenset(t.value for t in TERMINAL)


def when(micros: int | None) -> datetime | None:
    """Return the time that a column holds."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def at(micros: int) -> datetime:
    """Return the time that a column always holds."""
    return EPOCH + timedelta(microseconds=micros)


def progress_of(row: Sequence[Any]) -> Progress:
    """Return the counts and times of a run from its standing columns."""
    run_count, _, _, start, end, total = row[9:15]
    return Progress(run_count, when(start), when(end), total / 1_000_000)


def policy_of(encoded: str | None) -> FlowRunPolicy:
    """Return the policy that a run was created with."""
    if encoded is None:
        return FlowRunPolicy()
    return msgspec.json.decode(encoded, type=FlowRunPolicy)


def type_of(name: str | None) -> StateType | None:
    """Return the state type that a column names."""
    return TYPES[name] if name else None


class Changes:
    """The rows of runs that move on: key, version, where they stand, time of the change."""

    def __init__(self, tx: Transaction, table: str) -> None:
        self._tx, self._table = tx, table
        self._staying: list[Any] = []
        self._moving: list[Any] = []

    def add(self, row: tuple[Any, ...], sorted_at: int, sort_at: int) -> None:
        """Add a run with its place in lists, before and now."""
        if sort_at == sorted_at:
            self._staying += row
        else:
            self._moving += row
            self._moving.append(sort_at)

    def write(self) -> None:
        """Write the rows; an error if one has not the version any more that it was read with."""
        if self._staying:
            self._tx.bulk(f"{self._table}.advance", self._staying, each=True)
        if self._moving:
            self._tx.bulk(f"{self._table}.change", self._moving, each=True)


def seconds_to_micros(seconds: float) -> int:
    """Return a duration as it is stored."""
    return round(seconds * 1_000_000)
