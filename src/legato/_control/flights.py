"""Single flight among processes of several machines: of those who want a result one makes it."""

from __future__ import annotations

from datetime import datetime

from legato._model.flights import Flight, Ready
from legato._model.operations.flights import AwaitTurns, EndFlight, MarkFlight, TakeFlight
from legato._store import flights, results, slots
from legato._store.port import Transaction
from legato._store.slots import WAITS

REAPED_AT_ONCE = 100


def take(tx: Transaction, now: datetime, request: TakeFlight) -> Flight:
    """Make what a key stands for, unless it is there or another one makes it already."""
    key = request.cache_key
    if not request.refresh and results.find_cached(tx, now, key) is not None:
        return Flight(is_made=True)
    found = flights.claim(tx, now, key)
    if found is None:
        flights.enter(tx, now, key, request.flight_id, request.writer_id)
        found = flights.claim(tx, now, key)  # another one may have come first
    if found is None:
        raise AssertionError("the flight was entered just now")
    if found.flight_id == request.flight_id:
        return Flight(is_ours=True)
    return Flight(waits=found.waits)


def mark(tx: Transaction, now: datetime, request: MarkFlight) -> None:
    """Note whether who makes a result waits for another key."""
    flights.mark(tx, request.cache_key, request.flight_id, request.waits)


def end(tx: Transaction, now: datetime, request: EndFlight) -> None:
    """Leave the making of a result to others."""
    flights.end(tx, request.cache_key, request.flight_id)


def wait(tx: Transaction, now: datetime, request: AwaitTurns) -> Ready:
    """Return which slots and keys nobody need wait for any longer; does not wait."""
    ready = Ready()
    if request.grants:
        known = slots.of_grants(tx, request.grants)
        waiting = {grant for grant, leases in known.items() if leases[0].kind == WAITS}
        ready.grants = [grant for grant in request.grants if grant not in waiting]
    if request.cache_keys:
        flying = flights.list_flying(tx, now, request.cache_keys)
        ready.cache_keys = [key for key in request.cache_keys if key not in flying]
    return ready


def reap(tx: Transaction, now: datetime) -> int:
    """Remove flights that processes have left behind; return how many."""
    return flights.reap(tx, now, REAPED_AT_ONCE)
