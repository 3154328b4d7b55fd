"""What no field of a request may hold, and how it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from msgspec import defstruct

from legato._model import edges
from legato._model.errors import InvalidRequest
from legato._model.operations.requests import made, matches


def asked(path, body, method="POST"):
    match = next(one for one in matches(path) if one.kind.spec.method == method)
    return made(match, body, "")


def test_a_refusal_names_the_place_and_says_what_may_stand_there():
    with pytest.raises(InvalidRequest) as caught:
        asked("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["a", "b\0"]}}, "limit": 2**40})
    found = {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.problems}
    assert found == {
        "flow_runs.name.any_.1": "a text must not hold NUL, the character 0",
        "limit": "numbers are from -2147483647 to 2147483647",
    }


def test_the_length_of_a_name_is_counted_in_bytes():
    assert asked("/flows/", {"name": "x" * 1024})
    assert asked("/flows/", {"name": "\N{SNOWMAN}" * 341})
    with pytest.raises(InvalidRequest, match="longer than 1024 bytes"):
        asked("/flows/", {"name": "\N{SNOWMAN}" * 342})


def test_what_is_only_kept_may_be_long():
    line = {"name": "n", "level": 20, "timestamp": "2026-01-01T00:00:00Z"}
    assert asked("/logs/", [{**line, "message": "a\0" * 10_000}])
    assert asked("/variables/", {"name": "v", "value": 2**63})


@pytest.mark.parametrize("depth", [edges.DEPTH_MAX, edges.DEPTH_MAX + 1])
def test_levels_are_counted(depth):
    value = []
    for _ in range(depth - 2):
        value = {"a": value}
    assert edges.is_too_deep([1, value]) == (depth > edges.DEPTH_MAX)


@pytest.mark.parametrize(
    "value",
    [
        timedelta(days=40_000),
        float("nan"),
        2**31,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_numbers_durations_and_times_have_bounds(value):
    holds = defstruct("Holds", [("at", object)])
    assert [one["loc"] for one in edges.refused(holds(at=value), asks=True)] == [["at"]]
    for fine in (timedelta(days=365), 1.5, -(2**31) + 1, datetime(9999, 12, 31, tzinfo=UTC)):
        assert edges.refused(holds(at=fine), asks=True) == []


def test_what_is_looked_for_at_once_has_a_bound():
    ids = [str(UUID(int=number)) for number in range(edges.LIST_MAX + 1)]
    assert asked("/flow_runs/filter", {"flow_runs": {"id": {"any_": ids[:-1]}}})
    with pytest.raises(
        InvalidRequest, match=r"flow_runs\.id\.any_: there are more than 10000 values"
    ):
        asked("/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}})
    several = {"id": {"any_": ids[:6000], "not_any_": ids[:6000]}}
    with pytest.raises(InvalidRequest, match="more than 10000"):
        asked("/flow_runs/filter", {"flow_runs": several})
    with pytest.raises(InvalidRequest, match=r"tags\.all_: there are more than 100 values"):
        asked("/flow_runs/filter", {"flow_runs": {"tags": {"all_": ids[:101]}}})


def test_a_batch_of_lines_is_not_what_is_looked_for():
    line = {"name": "n", "level": 20, "timestamp": "2026-01-01T00:00:00Z", "message": "m"}
    assert len(asked("/logs/", [line] * 12_000).logs) == 12_000
