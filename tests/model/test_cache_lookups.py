"""Two look-ups are compared by the parts of their keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from legato._model.cache_lookups import (
    CacheLookup,
    CacheMaker,
    CacheOutcome,
    differing,
    explained,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def look(number: int, outcome: CacheOutcome = "miss", **parts: str) -> CacheLookup:
    return CacheLookup(
        task_run_id=UUID(int=number),
        step_name="work",
        at=NOW,
        outcome=outcome,
        cache_key="k",
        parts=parts,
        result_id=UUID(int=99),
    )


def test_parts_differ_that_changed_came_or_went():
    one = look(1, a="1", b="1", c="1")
    other = look(2, a="2", b="1", d="1")
    other.parts["not covered:eval"] = "1"
    assert differing(one, other) == ["a", "c", "d"]


def with_input(number: int, value: str, **parts: str) -> CacheLookup:
    found = look(number, **parts)
    found.parts["inputs.x"] = value
    return found


def test_the_nearest_run_is_one_with_the_same_inputs_though_more_else_has_changed():
    earlier = [
        with_input(1, "2", code="1", more="1"),
        with_input(2, "1", code="2", more="2"),
        with_input(3, "1", code="2", more="1"),
        with_input(4, "1", code="3", more="1"),
    ]
    found = explained(with_input(9, "1", code="1", more="1"), None, earlier)
    assert (found.compared_with, found.differing) == (UUID(int=3), ["code"])


@pytest.mark.parametrize(
    ("maker", "expired"),
    [
        (CacheMaker(UUID(int=1), SECOND, NOW - SECOND), NOW),
        (CacheMaker(UUID(int=1), 2 * SECOND, NOW - SECOND), None),
        (CacheMaker(UUID(int=1), None, NOW - SECOND), None),
        (None, None),
    ],
)
def test_a_result_has_expired_that_would_have_been_taken(
    maker: CacheMaker | None, expired: datetime | None
):
    found = explained(look(9, x="1"), maker, [look(1, x="1")])
    assert found.expired_at == expired
    assert found.made_by == (None if expired is None else UUID(int=1))
    assert (found.compared_with, found.differing) == (UUID(int=1), [])


def test_a_hit_names_who_made_the_result_and_is_not_compared():
    found = explained(look(9, "hit", x="1"), None, [look(1, x="2")])
    assert (found.made_by, found.compared_with) == (UUID(int=99), None)
