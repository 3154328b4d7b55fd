"""Both stores, as in tests/store, and a way to send an operation to them."""

from __future__ import annotations

import pytest

from legato._control.registry import handler_of
from tests.store.conftest import postgres_url, sender, store
from tests.store.records import now

__all__ = ["postgres_url", "sender", "store"]


@pytest.fixture
def send(store):
    """Carry out an operation as the backend does."""

    def carry_out(operation):
        handle = handler_of(operation)
        if operation.spec.access == "read":
            return store.read(lambda tx: handle(tx, now(), operation))
        return store.run(lambda tx: handle(tx, now(), operation))

    return carry_out
