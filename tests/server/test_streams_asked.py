"""What stands behind a cursor, asked for by plain HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest

from legato._model.ordered_log import BEGINNING, position_of
from legato._store import ordered_log
from legato._store.port import Grade, Lane
from tests.store.records import until

CHANGES = "/run_changes/after"


@pytest.fixture
def after(api):
    """Ask for what stands behind a cursor."""

    def ask(cursor, path=CHANGES, **more):
        answer = api.post(path, json={"cursor": cursor, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def caught_up(after, cursor, count, path=CHANGES, **more):
    """Ask until so much has come; return it and the last cursor."""
    items = []

    def has_come():
        nonlocal cursor
        found = after(cursor, path, **more)
        cursor = found["cursor"]
        items.extend(found["items"])
        return len(items) >= count

    until(has_come)
    return items, cursor


def test_all_changes_come_once_and_in_order_in_pieces_of_any_size(after, run, move):
    start = after(None)
    assert (start["items"], start["more"]) == ([], False)
    made = run("PENDING")
    move(made["id"], "RUNNING")
    move(made["id"], "COMPLETED")
    for limit in (1, 2, 200):
        items, end = caught_up(after, start["cursor"], 3, limit=limit)
        assert [item["state"]["name"] for item in items] == ["Pending", "Running", "Completed"]
        assert position_of(end) > position_of(start["cursor"])
        assert after(end) == {"items": [], "cursor": end, "more": False}


def test_a_piece_says_whether_there_is_more(after, run):
    start = after(None)["cursor"]
    for _ in range(3):
        run("PENDING")
    caught_up(after, start, 3)
    assert after(start, limit=2)["more"] is True
    assert after(start, limit=3)["more"] is False


def test_the_cursor_goes_on_where_nothing_passes(after, run):
    start = after(None)["cursor"]
    caught = caught_up(after, start, 1) if run("PENDING") else None
    found = after(start, filter={"run_id": {"any_": [str(uuid4())]}})
    assert (found["items"], found["cursor"]) == ([], caught[1])


def test_logs_and_events_come_so_too(api, after, run):
    start = after(None)["cursor"]
    made = run("PENDING")
    line = {"name": "a", "level": 20, "message": "hey", "timestamp": "2026-01-01T12:00:00Z"}
    api.post("/logs/", json=[{**line, "flow_run_id": made["id"]}])
    lines, _ = caught_up(after, start, 1, "/logs/after")
    assert [found["message"] for found in lines] == ["hey"]
    events, _ = caught_up(after, start, 1, "/events/after")
    assert events[0]["event"] == "prefect.flow-run.Pending"


def test_a_cursor_ahead_of_this_server_is_kept(after):
    ahead = "v1.9999999999999999999"
    assert after(ahead) == {"items": [], "cursor": ahead, "more": False}


def test_what_was_pruned_is_gone(api, store, after, run):
    run("PENDING")
    caught_up(after, BEGINNING, 1)
    store.run(lambda tx: ordered_log.retain_after(tx, 1), Lane.FACTS, Grade.PLAIN)
    answer = api.post(CHANGES, json={"cursor": BEGINNING})
    assert (answer.status_code, answer.json()["code"]) == (410, "resync")
    assert api.post(CHANGES, json={}).status_code == 200


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"cursor": "4"}, "no cursor"),
        ({"cursor": 4}, "cursor"),
        ({"limit": 0}, "from 1 to 200"),
        ({"limit": 201}, "from 1 to 200"),
        ({"limit": "all"}, "limit"),
        ({"filter": {"no": 1}}, "no"),
        ({"filter": []}, "filter"),
        ({"other": 1}, "other"),
        ([], "object"),
    ],
)
def test_what_is_not_understood(api, body, word):
    for path in (CHANGES, "/logs/after", "/events/after"):
        answer = api.post(path, json=body)
        assert answer.status_code == 422
        assert word in answer.json()["detail"]


def test_there_is_nothing_to_get(api):
    assert api.get(CHANGES).status_code == 405
