"""What happens, told over websockets: each change once and in order, wherever it was made."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from legato._control import event_streams
from legato._model.ordered_log import position_of
from legato._server import streams, streams_out
from legato._store.postgres import PostgresStore
from legato._store.sqlite import SqliteStore
from tests.store.records import Sender, line, until

BEGINNING = "v1.0"


@contextmanager
def opened(api, path, token=None, **more):
    """A websocket that is let in, after Prefect's manner."""
    url = str(api.base_url).replace("http", "ws").rstrip("/")
    with connect(f"{url}{path}", subprotocols=["prefect"], **more) as socket:
        socket.send(json.dumps({"type": "auth", "token": token}))
        assert json.loads(socket.recv(30)) == {"type": "auth_success"}
        yield socket


@contextmanager
def following(api, path="/run_changes/out", wanted=None, *, cursor=..., **more):
    """A stream of what passes a filter."""
    said = {} if cursor is ... else {"cursor": cursor}
    with opened(api, path, **more) as socket:
        socket.send(json.dumps({"type": "filter", "filter": wanted, **said}))
        yield socket


def told(socket, count, kind="run_change"):
    """The next frames of a kind; those that only tell the cursor are left out."""
    frames = []
    while len(frames) < count:
        frame = json.loads(socket.recv(30))
        if frame["type"] != "cursor":
            assert frame["type"] == kind
            frames.append(frame)
    return frames


def names(frames):
    return [frame["run_change"]["state"]["name"] for frame in frames]


def test_changes_of_runs_are_told_as_they_are_made(api, run, move):
    with following(api) as socket:
        made = run("PENDING")
        move(made["id"], "RUNNING")
        move(made["id"], "COMPLETED")
        frames = told(socket, 3)
    assert names(frames) == ["Pending", "Running", "Completed"]
    assert [frame["run_change"]["version"] for frame in frames] == [1, 2, 3]
    assert {frame["run_change"]["run_id"] for frame in frames} == {made["id"]}
    positions = [position_of(frame["cursor"]) for frame in frames]
    assert positions == sorted(set(positions))


def test_a_filter_lets_through_what_it_names(api, run, move):
    run("PENDING")
    wanted = run("PENDING")
    asked = {"flow_run_id": {"any_": [wanted["id"]]}, "state": {"type": {"not_any_": ["RUNNING"]}}}
    with following(api, wanted=asked, cursor=BEGINNING) as socket:
        run("PENDING")
        move(wanted["id"], "RUNNING")
        move(wanted["id"], "COMPLETED")
        assert names(told(socket, 2)) == ["Pending", "Completed"]


def test_who_comes_back_goes_on_where_he_was(api, run, move):
    ids = [run("PENDING")["id"] for _ in range(3)]
    with following(api, cursor=BEGINNING) as socket:
        first = told(socket, 2)
    for run_id in ids:
        move(run_id, "RUNNING")
    with following(api, cursor=first[-1]["cursor"]) as socket:
        frames = first + told(socket, 4)
    assert names(frames) == ["Pending"] * 3 + ["Running"] * 3
    assert [frame["run_change"]["run_id"] for frame in frames] == ids * 2


def test_who_goes_on_from_now_is_told_where_that_is(api, run):
    run("PENDING")
    with following(api, cursor=None) as socket:
        here = json.loads(socket.recv(30))
        assert here["type"] == "cursor"
        later = run("PENDING")["id"]
        (frame,) = told(socket, 1)
    assert frame["run_change"]["run_id"] == later
    assert position_of(frame["cursor"]) > position_of(here["cursor"])


def test_the_cursor_keeps_up_where_nothing_passes(api, run, monkeypatch):
    monkeypatch.setattr(streams_out, "CURSOR_SECONDS", 0)
    with following(api, wanted={"run_id": {"any_": [str(uuid4())]}}, cursor=None) as socket:
        here = json.loads(socket.recv(30))["cursor"]
        run("PENDING")
        assert position_of(json.loads(socket.recv(30))["cursor"]) > position_of(here)


def test_a_list_says_from_where_to_go_on(api, run, move):
    listed = [run("PENDING")["id"], run("PENDING")["id"]]
    # it takes until transactions are over that ran when the server began, with PostgreSQL
    until(lambda: "x-legato-position" in api.post("/flow_runs/filter").headers)
    answer = api.post("/flow_runs/filter")
    assert {found["id"] for found in answer.json()} == set(listed)
    move(listed[0], "RUNNING")
    with following(api, cursor=answer.headers["x-legato-position"]) as socket:
        assert names(told(socket, 1)) == ["Running"]
    assert "x-legato-position" in api.post("/flow_runs/paginate").headers
    assert "x-legato-position" not in api.get(f"/flow_runs/{listed[0]}").headers


def test_what_another_process_writes_is_told_too(api, store):
    """As an embedded run, or another server on the same PostgreSQL, does."""
    other = SqliteStore(store.path) if isinstance(store, SqliteStore) else PostgresStore(store.url)
    other.announce()
    try:
        with following(api) as socket:
            run_id = Sender(other).start()
            frames = told(socket, 2)
    finally:
        other.close()
    assert names(frames) == ["Pending", "Running"]
    assert frames[0]["run_change"]["run_id"] == str(run_id)


def log(api, flow_run, *messages, level=20):
    lines = [
        {
            "name": "legato",
            "level": level,
            "message": message,
            "timestamp": "2026-11-28T12:00:00Z",
            "flow_run_id": flow_run,
        }
        for message in messages
    ]
    assert api.post("/logs/", json=lines).status_code == 201


def messages(frames):
    return [frame["log"]["message"] for frame in frames]


def test_log_lines_are_told_as_they_come(api, run):
    mine, other = run("RUNNING")["id"], run("RUNNING")["id"]
    wanted = {
        "flow_run_id": {"any_": [mine]},
        "level": {"ge_": 20, "le_": None},
        "text": {"query": "one TWO three -four"},
        "timestamp": {"after_": "2020-01-01T00:00:00"},
    }
    with following(api, "/logs/out", wanted) as socket:
        log(api, other, "not mine: one")
        log(api, mine, "neither of them", "four or one")
        log(api, mine, "quiet one", level=10)
        log(api, mine, "one", "two")
        log(api, mine, "three")
        frames = told(socket, 3, "log")
    assert messages(frames) == ["one", "two", "three"]
    stored = {
        found["id"]: found for found in api.post("/logs/filter", json={"logs": wanted}).json()
    }
    assert {frame["log"]["id"]: frame["log"] for frame in frames} == stored


def test_log_lines_go_on_behind_a_cursor(api, run):
    flow_run = run("RUNNING")["id"]
    log(api, flow_run, "a", "b")
    log(api, flow_run, "c")
    with following(api, "/logs/out", cursor=BEGINNING) as socket:
        frames = told(socket, 3, "log")
    assert messages(frames) == ["a", "b", "c"]
    # who was told half of what came at once is told all of it again
    for frame, rest in zip(frames, (["a", "b", "c"], ["c"], []), strict=True):
        log(api, flow_run, "end")
        with following(api, "/logs/out", cursor=frame["cursor"]) as socket:
            again = messages(told(socket, len(rest) + 1, "log"))
        assert again == [*rest, "end"]


def test_log_lines_of_embedded_runs_are_told(api, store):
    other = SqliteStore(store.path) if isinstance(store, SqliteStore) else PostgresStore(store.url)
    other.announce()
    sender = Sender(other)
    run_id = sender.start()
    with following(api, "/logs/out") as socket:
        sender.send(line("first", run_id), line("outside of flows"), line("second", run_id))
        frames = told(socket, 3, "log")
    other.close()
    assert sorted(messages(frames)) == ["first", "outside of flows", "second"]
    mine = [frame["log"] for frame in frames if frame["log"]["flow_run_id"] == str(run_id)]
    assert [found["message"] for found in mine] == ["first", "second"]


def test_long_lines_come_in_several_pieces(api, run, monkeypatch):
    from legato._control import ordered_log

    monkeypatch.setattr(ordered_log, "LOG_CHARACTERS", 5)
    flow_run, sent = run("RUNNING")["id"], [f"{count:04}" for count in range(12)]
    for start in range(0, 12, 3):
        log(api, flow_run, *sent[start : start + 3])
    with following(api, "/logs/out", cursor=BEGINNING) as socket:
        assert messages(told(socket, 12, "log")) == sent


def event(name, resource, *, seconds=0, **more):
    return {
        "id": str(uuid4()),
        "occurred": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
        "event": name,
        "resource": {"prefect.resource.id": resource},
        **more,
    }


def post(api, *several):
    assert api.post("/events", json=list(several)).status_code == 204


def happened(frames):
    return [frame["event"]["event"] for frame in frames]


def test_events_are_told_as_they_come(api):
    wanted = {"resource": {"id": ["here"]}, "event": {"prefix": ["live."], "name": None}}
    with following(api, "/events/out", wanted) as socket:
        post(api, event("dead.1", "here"), event("live.1", "here"), event("live.2", "there"))
        twice = event("live.3", "here", payload={"n": 1}, seconds=-3600)
        post(api, twice)
        post(api, twice, event("live.4", "here"))
        frames = told(socket, 3, "event")
    assert happened(frames) == ["live.1", "live.3", "live.4"]
    found = frames[1]["event"]
    assert (found["id"], found["payload"]) == (twice["id"], {"n": 1})
    assert found["received"]


OF_RUNS = {"event": {"exclude_prefix": ["prefect.flow."]}}  # the fixture makes a flow


def test_states_are_told_as_events(api, run, move):
    with following(api, "/events/out", OF_RUNS) as socket:
        made = run("PENDING")
        move(made["id"], "RUNNING")
        frames = told(socket, 2, "event")
    assert happened(frames) == ["prefect.flow-run.Pending", "prefect.flow-run.Running"]
    assert frames[1]["event"]["follows"] == frames[0]["event"]["id"]
    assert frames[0]["event"]["resource"]["prefect.resource.id"].endswith(made["id"])


def test_the_recent_past_comes_first(api, run, monkeypatch):
    monkeypatch.setattr(event_streams, "PAGE", 2)
    made = run("PENDING")
    pasts = [event(f"past.{n}", "here", seconds=-20 * n) for n in range(1, 5)]
    post(api, event("long.ago", "here", seconds=-3600), *pasts)
    with following(api, "/events/out", OF_RUNS) as socket:
        frames = told(socket, 5, "event")
        post(api, event("live", "here"))
        frames += told(socket, 1, "event")
    past = ["past.4", "past.3", "past.2", "past.1"]
    assert happened(frames) == [*past, "prefect.flow-run.Pending", "live"]
    assert frames[4]["event"]["id"] == made["state"]["id"]


def test_who_keeps_a_cursor_is_told_no_past_but_what_follows_it(api, run):
    run("PENDING")
    with following(api, "/events/out", cursor=None) as socket:
        post(api, event("one", "here"), event("two", "here"))
        frames = told(socket, 2, "event")
    with following(api, "/events/out", cursor=frames[0]["cursor"]) as socket:
        assert happened(told(socket, 1, "event")) == ["two"]
    assert happened(frames) == ["one", "two"]


def test_a_time_without_a_zone_is_meant_in_utc(api):
    wanted = {"occurred": {"since": "2026-11-28T12:00:00", "until": "2100-01-01T00:00:00"}}
    with following(api, "/events/out", wanted) as socket:
        post(api, event("one", "here"))
        assert happened(told(socket, 1, "event")) == ["one"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "hello"}, 1002),
        ({"type": "filter", "filter": {"run_id": {"any_": ["x"]}}}, 1002),
        ({"type": "filter", "filter": {"colour": {"any_": []}}}, 1002),
        ({"type": "filter", "filter": 1}, 1002),
        ({"type": "filter", "cursor": "v9.1"}, 1002),
        ({"type": "filter", "cursor": 7}, 1002),
        ([], 1002),
    ],
    ids=str,
)
def test_what_cannot_be_followed_is_told(api, frame, code):
    with opened(api, "/run_changes/out") as socket:
        socket.send(json.dumps(frame))
        with pytest.raises(ConnectionClosedError) as caught:
            socket.recv(30)
    assert caught.value.rcvd.code == code
    assert caught.value.rcvd.reason


def test_a_cursor_that_is_older_than_what_is_kept(api, store, run):
    from legato._store import ordered_log

    run("PENDING")
    run("PENDING")
    position = 2
    store.run(lambda tx: ordered_log.retain_after(tx, position))
    with following(api, cursor=BEGINNING) as socket, pytest.raises(ConnectionClosedError) as caught:
        told(socket, 1)
    assert caught.value.rcvd.code == 4410


def unread(api):
    """A connection whose client takes little into its own memory."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    held.connect((api.base_url.host, api.base_url.port))
    return {"sock": held, "max_queue": 1}


def drained(socket, seen):
    """Read all that was sent before the connection was closed."""
    while True:
        seen.append(json.loads(socket.recv(30)))


def test_who_takes_nothing_is_cut_off_and_misses_nothing(api, run, move, monkeypatch, caplog):
    monkeypatch.setattr(streams, "ROOM", 3)  # most of it is read from the database again
    caplog.set_level("INFO", "legato.server")
    long, flow_run, moves = "m" * 400_000, run("PENDING")["id"], 0
    with following(api, cursor=None, **unread(api)) as slow:
        seen = [json.loads(slow.recv(30))]
        monkeypatch.setattr(streams_out, "PATIENCE_SECONDS", 0.1)
        while "was cut off" not in caplog.text:
            move(flow_run, "RUNNING", name=f"{moves}", message=long, force=True)
            moves += 1
        with pytest.raises(ConnectionClosedError) as caught:
            drained(slow, seen)
    assert caught.value.rcvd.code == 4408
    seen = [frame for frame in seen if frame["type"] != "cursor"]
    assert len(seen) < moves
    monkeypatch.setattr(streams_out, "PATIENCE_SECONDS", 30)
    with following(api, cursor=seen[-1]["cursor"]) as socket:
        seen += told(socket, moves - len(seen))
    assert names(seen) == [f"{count}" for count in range(moves)]
