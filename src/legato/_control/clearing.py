"""Deletions of much: most of it goes piece by piece, each in a transaction of its own.

What is left is little, and goes with the operation itself. Who was stopped between two pieces
leaves what was to be deleted where it is found again, with less below it; the same request goes on
from there, and so does the pruner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from legato._control import flow_runs, flows, pages
from legato._control.duties.old_runs import BATCH, ROOM
from legato._model.operations.flow_runs import (
    BulkDeleteFlowRuns,
    DeleteFlowRun,
    FilterFlowRuns,
)
from legato._model.operations.flows import BulkDeleteFlows, DeleteFlow, FilterFlows
from legato._store import pieces, trees
from legato._store.port import Grade, Lane, Store

_CALLERS = 500
Steps = Iterator[None]
"""A transaction at each step; may be left at any."""


def flow_run(store: Store, now: datetime, request: DeleteFlowRun) -> Steps:
    """Delete most of what belongs to a flow run."""
    return _clear(store, [request.flow_run_id], keeps=True)


def flow_runs_found(store: Store, now: datetime, request: BulkDeleteFlowRuns) -> Steps:
    """Delete most of what belongs to the first flow runs that a filter finds."""
    limit = pages.bulk(request.limit)
    found = FilterFlowRuns(flow_runs=request.flow_runs, limit=limit)
    runs = store.read(lambda tx: flow_runs.filter(tx, now, found))
    return _clear(store, [run.id for run in runs], keeps=True)


def flow(store: Store, now: datetime, request: DeleteFlow) -> Steps:
    """Delete most of the runs of a flow."""
    return _of_flow(store, request.flow_id)


def flows_found(store: Store, now: datetime, request: BulkDeleteFlows) -> Steps:
    """Delete most of the runs of the first flows that a filter finds."""
    found = FilterFlows(flows=request.flows, limit=pages.bulk(request.limit))
    for each in store.read(lambda tx: flows.filter(tx, now, found)):
        yield from _of_flow(store, each.id)


def _of_flow(store: Store, flow_id: UUID) -> Steps:
    more = True
    while more:
        some = store.read(partial(pieces.list_of_flow, flow_id=flow_id, limit=BATCH))
        more = len(some) == BATCH
        yield from _clear(store, some, keeps=not more)


def _clear(store: Store, roots: Sequence[UUID], *, keeps: bool) -> Steps:
    """Delete flow runs with all below them; `keeps`: not they themselves, nor if it is little."""
    tree, callers = _leaves_first(store, roots)
    if keeps and _is_little(store, tree):
        return
    kept = _with_callers(roots, callers) if keeps else set[UUID]()
    while tree:
        some = tree[:BATCH]
        op = partial(pieces.delete_runs, run_ids=some, room=ROOM, kept=kept)
        left = store.run(op, Lane.PRUNING, Grade.PLAIN)
        del tree[: len(some) - len(left)]
        yield


def _is_little(store: Store, tree: Sequence[UUID]) -> bool:
    few = partial(pieces.are_few, run_ids=tree, room=ROOM)
    return not tree or (len(tree) <= BATCH and store.read(few))


def _leaves_first(store: Store, roots: Sequence[UUID]) -> tuple[list[UUID], dict[UUID, UUID]]:
    """Return flow runs and all below them, callers behind what they called; and who called whom."""
    tree, called, callers = list(roots), list(roots), dict[UUID, UUID]()
    while called:
        found: list[trees.Called] = []
        for place in range(0, len(called), _CALLERS):
            some = called[place : place + _CALLERS]
            found += store.read(partial(trees.list_called, run_ids=some))
        called = [run.id for run in found]
        callers |= {run.id: run.caller for run in found}
        tree += called
    return list(dict.fromkeys(reversed(tree))), callers


def _with_callers(roots: Sequence[UUID], callers: dict[UUID, UUID]) -> set[UUID]:
    """Return flow runs with those from which they hang."""
    found = set[UUID]()
    for root in roots:
        run: UUID | None = root
        while run is not None and run not in found:
            found.add(run)
            run = callers.get(run)
    return found
