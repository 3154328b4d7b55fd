"""Pages of flow runs: a run that is over is encoded once, for all who ask for the page again.

Dashboards ask for the newest runs every second, each of them, and most of those are over. What is
kept is found by the whole row, so a run that changed all the same is another one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from legato._control.estimates import estimated
from legato._model.operations.flow_runs import FilterFlowRuns
from legato._model.states import TERMINAL
from legato._server.shapes import shaped
from legato._store import decode
from legato._store.courtesy import politely
from legato._store.port import Transaction

KEPT = 1000
KEPT_BYTES = 8 * 1024
"""A longer one is not kept."""
PIECE_KNOWN = 50
"""Rows that are looked up without giving way."""


class RunPages:
    """What `flow_runs.filter` answers, with the newest runs that were shown and are over."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], bytes] = {}

    def filter(self, tx: Transaction, now: datetime, request: FilterFlowRuns) -> msgspec.Raw:
        """List flow runs, as JSON."""
        from legato._store.queries import lists

        rows = lists.flow_run_rows(tx, request)
        known = [self._known.get(row) for row in politely(rows, PIECE_KNOWN)]
        new = [row for row, made in zip(rows, known, strict=True) if made is None]
        fresh = iter([self._make(row, now) for row in politely(new, lists.PIECE_RUNS)])
        return msgspec.Raw(b"[%s]" % b",".join([made or next(fresh) for made in known]))

    def _make(self, row: tuple[Any, ...], now: datetime) -> bytes:
        run = estimated(decode.flow_run(row), now)
        made = msgspec.json.encode(shaped(run))
        if run.state_type in TERMINAL and len(made) <= KEPT_BYTES:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[row] = made
        return made
