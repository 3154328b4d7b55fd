"""Tests of the API again, over a store that fails after its commits; all of them: scripts/chaos."""

from __future__ import annotations

import pytest

from tests.server import test_limit_slots, test_saved_searches

for _module in (test_limit_slots, test_saved_searches):
    globals().update({k: v for k, v in vars(_module).items() if not k.startswith("__")})

pytestmark = pytest.mark.chaos


@pytest.fixture(autouse=True)
def _faults(monkeypatch):
    monkeypatch.setenv("LEGATO_TEST_FAULTS", "0.2")
