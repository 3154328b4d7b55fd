"""Attempts that live by leases: renewed by their keepers, closed when nobody renews them.

The reaper of a server first notes that it lives. If no server was there to note that for a while,
whatever was held then is held for longer: nobody could renew it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from legato._control import returning
from legato._control import slots as slot_control
from legato._control.attempts import NOBODY, Closing, close_dead, live_tasks
from legato._model.attempts import Renewed
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.leases import EXPIRED, LONGEST_SECONDS, Lease, span
from legato._model.operations.attempts import CloseAttempts, RenewAttempts
from legato._model.operations.slots import ReapSlots
from legato._model.operations.spec import BULK_LIMIT
from legato._model.records import Writer
from legato._model.states import StateType
from legato._store import attempt_leases, leases, slots
from legato._store.flow_work import FlowWork
from legato._store.port import Grade, Lane, Store, Transaction
from legato._store.task_runs import TaskWork
from legato._store.trees import list_tree

BATCH = 200
AFTER_OUTAGE = timedelta(seconds=30)
"""How much longer than a lease lasts those are held that nobody could renew."""
MISSED = 2.5
"""So many times the pulse's interval without one is an outage."""


def renew(tx: Transaction, now: datetime, request: RenewAttempts) -> Renewed:
    """Prolong the leases of a process; one that comes back opens what was taken for dead."""
    if not 0 < request.lease_duration <= LONGEST_SECONDS:
        raise InvalidRequest(
            f"lease_duration: It is more than 0 and at most {LONGEST_SECONDS:.0f} seconds,"
            f" not {request.lease_duration}."
        )
    given_up = attempt_leases.list_given_up(tx, request.writer_id)
    for writer in attempt_leases.find_writers(tx, [request.writer_id] if given_up else []).values():
        returning.come_back(tx, now, writer, given_up)
    answer = Renewed()
    held: list[UUID] = []
    gone: list[UUID] = []
    for lease, state_type, is_held in attempt_leases.list_of_writer(tx, request.writer_id):
        (held if is_held else gone).append(lease.id)
        if state_type in _CANCELS:
            answer.cancelling.append(lease.subject)
        else:
            (answer.held if is_held else answer.lost).append(lease.subject)
    leases.renew(tx, leases.claim(tx, held), now + span(request.lease_duration))
    if gone:
        leases.delete(tx, gone)
    # one that has just come back also has the lease of the attempt that was closed
    answer.lost = [run_id for run_id in answer.lost if run_id not in answer.held]
    return answer


_CANCELS = frozenset({StateType.CANCELLING.value, StateType.CANCELLED.value})
"""Also who sets a run to Cancelled at once means its process, which has not ended it."""


def close(tx: Transaction, now: datetime, request: CloseAttempts) -> list[UUID]:
    """Close what a process holds that has ended, or some of its runs; return the flow runs."""
    writer = attempt_leases.find_writers(tx, [request.writer_id]).get(request.writer_id)
    if writer is None:
        raise ObjectNotFound(f"There is no writer {request.writer_id}.")
    if request.flow_run_ids is None:
        return close_dead(tx, now, [writer], request.message)
    if len(request.flow_run_ids) > BULK_LIMIT:
        raise InvalidRequest(
            f"flow_run_ids: At most {BULK_LIMIT} runs are closed by one request, not"
            f" {len(request.flow_run_ids)}."
        )
    message = request.message or _alive(writer)
    closing, _ = _trees(tx, now, request.flow_run_ids)
    lost = [work for work in closing.open_runs() if work.holder == writer.id]
    closing.runs.leases.leased = True
    words = {work.id: message for work in lost}
    late = request.flow_run_ids if request.timed_out else ()
    live = live_tasks(tx, [], list(words))
    closing.end(lost, words, live, cause=GIVEN_UP, late=late)
    closing.flush()
    return list(words)


GIVEN_UP = "given up"
"""`attempt.cause` of an attempt that was ended for its holder, who may live."""


def close_expired(tx: Transaction, now: datetime, limit: int = BATCH) -> list[Lease]:
    """Close attempts whose leases have run out, at most `limit`; return these leases.

    They are there until `free_slots`: if a server dies in between, another finds them and goes on.
    """
    expired = attempt_leases.list_expired(tx, now, limit)
    if not expired:
        return []
    closing, trees = _trees(tx, now, [lease.subject for lease in expired])
    # a renewal may have come between: what is locked now counts
    over = [lease for lease in leases.claim(tx, [e.id for e in expired]) if lease.expires_at <= now]
    writers = attempt_leases.find_writers(tx, [lease.holder for lease in over])
    lost = [work for work in closing.open_runs() if any(_hangs(work, on, trees) for on in over)]
    words = {work.id: _silent(writers.get(work.holder or NOBODY)) for work in lost}
    alone = [writers[lease.holder] for lease in over if lease.subject in writers]

    def told(task: TaskWork) -> str | None:
        is_alone = task.flow_run_id is None and task.writer_id in {one.id for one in alone}
        return _silent(writers[task.writer_id]) if is_alone else None

    closing.end(lost, words, live_tasks(tx, alone, list(words)), told, cause=EXPIRED)
    closing.flush()
    return over


def _hangs(work: FlowWork, lease: Lease, trees: dict[UUID, set[UUID]]) -> bool:
    """Tell whether a run is that of the lease, or one below it that the same process holds."""
    if work.holder != lease.holder or work.id not in trees[lease.subject]:
        return False
    return work.id != lease.subject or work.epoch == lease.epoch


def _trees(
    tx: Transaction, now: datetime, roots: list[UUID]
) -> tuple[Closing, dict[UUID, set[UUID]]]:
    """Lock runs and all below them."""
    closing = Closing(tx, now)
    trees = {root: set(list_tree(tx, root)) for root in roots}
    closing.runs.load(set[UUID]().union(*trees.values()))
    return closing, trees


def free_slots(tx: Transaction, now: datetime, over: Sequence[Lease]) -> None:
    """End leases of closed attempts, and free the slots of who holds no other attempt.

    Not in the transaction that closes them: limits are locked before runs.
    """
    ids = [lease.id for lease in over]
    gone = attempt_leases.without_lease(tx, sorted({lease.holder for lease in over}), ids)
    if gone:
        slot_control.end_all(tx, now, slots.of_writers(tx, gone))
    leases.delete(tx, ids)


def pulse(tx: Transaction, now: datetime, every: timedelta, ttl: timedelta) -> int:
    """Note that a server lives; after an outage prolong what was held, and return how much."""
    before = attempt_leases.pulse(tx, now)
    if before is None or now - before <= every * MISSED:
        return 0
    return attempt_leases.extend(tx, before, now + ttl + AFTER_OUTAGE)


def tend(store: Store, now: datetime, every: timedelta, ttl: timedelta) -> int:
    """Do what the reaper of a server does each time; return how many processes were lost."""
    # one that a power cut takes makes the outage look longer, which harms nobody
    store.run(lambda tx: pulse(tx, now, every, ttl), Lane.LEASES, Grade.PLAIN)
    if not store.read(lambda tx: attempt_leases.list_expired(tx, now, 1)):
        return 0
    over = store.run(lambda tx: close_expired(tx, now), Lane.LEASES)
    if over:
        store.run(lambda tx: free_slots(tx, now, over), Lane.LEASES)
    return len({lease.holder for lease in over})


def end_slots(store: Store, now: datetime) -> int:
    """End slots that nobody renewed, after `tend`; return how many requests that were.

    For a database that has no home: there, locks tell which processes live.
    """
    if not store.read(lambda tx: slots.list_expired(tx, now)):
        return 0
    return store.run(lambda tx: slot_control.reap(tx, now, ReapSlots()), Lane.LEASES)


def _silent(writer: Writer | None) -> str:
    if writer is None:
        return "lease expired"
    return f"lease expired: process {writer.pid} on {writer.host} was not heard of any more"


def _alive(writer: Writer) -> str:
    return f"code may still be running in process {writer.pid} on {writer.host}"
