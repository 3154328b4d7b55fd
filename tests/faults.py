"""A store that fails after its commits, and a client that asks until it is answered.

What was executed but reported failed is what loses and doubles things: whoever asks cannot know,
and asks again. `LEGATO_TEST_FAULTS=0.2` runs tests so, whatever they are about: each transaction
behind the server fails with that chance before it begins, before its commit, or after it.
"""

from __future__ import annotations

import os
import random

import httpx
import pytest

from legato._model.errors import Error, StoreBusy
from legato._store.faults import FaultyStore, InjectedFault
from legato._store.port import Grade, Lane

CODE = "store_busy"  # of the answer to what an injected fault hit
TRIES = 100


def chance():
    """Return how often a store is to fail."""
    return float(os.environ.get("LEGATO_TEST_FAULTS") or 0)


def meaningless(reason):
    """Mark a test that says nothing where each transaction may fail."""
    return pytest.mark.skipif(chance() > 0, reason=f"under a store that fails: {reason}")


class Unreliable(FaultyStore):
    """A store of which some transactions fail as a database does that is restarted."""

    def run(self, op, lane=Lane.FACTS, grade=Grade.ACKED):
        return _busy(lambda: super(Unreliable, self).run(op, lane, grade))

    def run_all(self, ops, lane, grade):
        """Let what shares a commit fail together, too."""
        try:
            if len(ops) == 1:
                return [self.run(ops[0], lane, grade)]
            return _busy(lambda: self._run_together(ops, lane, grade))
        except Error as refusal:
            return [refusal] * len(ops)

    def _run_together(self, ops, lane, grade):
        self._fault("before the transaction")
        found = self.store.run_all(ops, lane, grade)
        self._fault("after the commit")
        return found

    def read(self, op):  # what only looks may be asked again by anybody
        return self.store.read(op)

    def read_placed(self, op):
        return self.store.read_placed(op)

    def __getattr__(self, name):
        return getattr(self.store, name)


def _busy(act):
    try:
        return act()
    except InjectedFault as fault:
        raise StoreBusy(str(fault)) from fault


def around(store):
    """Return the store, or if tests are run so an unreliable one on it."""
    return Unreliable(store, random.Random(7).random, chance()) if chance() else store


def insisted(store, act):
    """Return what `act` returns of that store; if tests are run so, after faults of it."""
    faulty = around(store)
    for _ in range(TRIES):
        try:
            return act(faulty)
        except StoreBusy as busy:
            if not isinstance(busy.__cause__, InjectedFault):
                raise
    raise AssertionError(f"{TRIES} faults in a row")


class Insisting(httpx.BaseTransport):
    """Sends a request until no fault that was injected is its answer; changes under a key."""

    def __init__(self):
        self.plain, self.keys = httpx.HTTPTransport(), 0

    def handle_request(self, request):
        if not isinstance(request.stream, httpx.ByteStream):  # it cannot be sent again
            return self.plain.handle_request(request)
        if request.method != "GET" and "idempotency-key" not in request.headers:
            self.keys += 1
            request.headers["idempotency-key"] = f"{id(self)}-{self.keys}"
        for _ in range(TRIES):
            answer = self.plain.handle_request(request)
            if answer.status_code != 503 or CODE not in answer.read().decode():
                return answer
        raise AssertionError(f"{TRIES} faults in a row: {answer.text}")

    def close(self):
        self.plain.close()


def transport():
    """Return how clients of such tests ask; None: as ever."""
    return Insisting() if chance() else None
