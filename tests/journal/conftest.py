from __future__ import annotations

import pytest
from tests.journal.receiver import CLOCK, Receiver, make_writer

from legato._journal.journal import Journal


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def journal(receiver: Receiver) -> Journal:
    return Journal(receiver, make_writer, CLOCK, "test.db", lambda seconds: None)
