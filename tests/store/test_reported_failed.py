"""Tests of attempts again, each batch of which may be stored but reported failed, and sent again.

All tests of the stores, and of operations, run so by `scripts/chaos faults`.
"""

from __future__ import annotations

import pytest

from tests.store import test_attempts

globals().update({k: v for k, v in vars(test_attempts).items() if not k.startswith("__")})
pytestmark = pytest.mark.chaos


@pytest.fixture(autouse=True)
def _faults(monkeypatch):
    monkeypatch.setenv("LEGATO_TEST_FAULTS", "0.3")
