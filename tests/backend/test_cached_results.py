"""Cached results that a process has read hold until somebody commits, or they expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from legato._backend.cached_results import KNOWN, LARGEST_BYTES, CachedResults
from legato._model.results import Result

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def result(body: bytes = b"1", expires_at: datetime | None = None) -> Result:
    return Result(
        id=uuid4(),
        flow_run_id=None,
        serializer="json",
        size=len(body),
        sha256=b"",
        created_at=NOW,
        body=body,
        expires_at=expires_at,
    )


def test_a_result_is_known_until_anybody_commits():
    known, found = CachedResults(), result()
    assert known.find("key", 1, NOW) is None
    known.note("key", 1, found)
    assert known.find("key", 1, NOW) is found
    assert known.find("key", 2, NOW) is None
    assert known.find("other", 1, NOW) is None


def test_a_result_is_known_until_it_expires():
    known, found = CachedResults(), result(expires_at=NOW + SECOND)
    known.note("key", 1, found)
    assert known.find("key", 1, NOW) is found
    assert known.find("key", 1, NOW + SECOND) is None


def test_little_memory_is_used():
    known = CachedResults()
    known.note("large", 1, result(b"x" * (LARGEST_BYTES + 1)))
    assert known.find("large", 1, NOW) is None
    for number in range(KNOWN + 1):
        known.note(str(number), 1, result())
    assert known.find("0", 1, NOW) is None
    assert known.find(str(KNOWN), 1, NOW) is not None
