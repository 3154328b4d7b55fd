"""Following the streams of a server, cut off and resumed."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from legato._backend import current as backends
from legato._cli import log_lines, main
from legato._client.routes import route_to
from legato._client.streams import Streams, follow
from legato._client.subscription import Subscription
from legato._model.errors import InvalidRequest, Resync, ServerAway, ServerRefused
from legato._model.ordered_log import BEGINNING
from legato._server.safety import Access
from legato._settings import current as configuration
from legato._store.port import Grade, Lane
from legato.client.orchestration import get_client
from tests.remote.wire import Wire
from tests.server.conftest import api, flow, move, run

__all__ = ["api", "flow", "move", "run"]

CHANGES = "/run_changes/out"


@pytest.fixture
def wire(api):
    """A wire to the server that can be cut."""
    wire = Wire(urlsplit(str(api.base_url)).port)
    yield wire
    wire.close()


def streams(url, token=None):
    return Streams(route_to(url, {}), token)


def values(told):
    """Return what is told, without how far it has come."""
    return (each.value for each in told if each.value is not None)


def test_nothing_is_left_out_or_told_twice_by_streams_that_are_cut(wire, run):
    made = []
    with closing(streams(wire.url).follow(CHANGES)) as told:
        assert next(told).value is None
        heard = values(told)
        for _ in range(3):
            made += [run("PENDING")["id"] for _ in range(4)]
            assert next(heard)["run_id"] == made[-4]
            wire.cut()
            made += [run("PENDING")["id"] for _ in range(2)]
            wire.mend()
            assert [next(heard)["run_id"] for _ in range(5)] == made[-5:]


def test_nothing_is_left_out_on_a_loop(wire, run):
    async def hear():
        made = [run("PENDING")["id"]]
        told = streams(wire.url).afollow(CHANGES, cursor=BEGINNING)
        heard = (each.value async for each in told if each.value is not None)
        assert (await anext(heard))["run_id"] == made[0]
        wire.cut()
        made = [run("PENDING")["id"] for _ in range(3)]
        wire.mend()
        assert [(await anext(heard))["run_id"] for _ in range(3)] == made
        await told.aclose()

    asyncio.run(hear())


def test_a_filter_lets_through_what_it_names(api, run, move):
    other, wanted = run("PENDING"), run("PENDING")
    asked = {"run_id": {"any_": [wanted["id"]]}, "state": {"type": {"any_": ["RUNNING"]}}}
    with closing(streams(str(api.base_url)).follow(CHANGES, asked)) as told:
        next(told)
        move(other["id"], "RUNNING")
        move(wanted["id"], "RUNNING")
        found = next(values(told))
    assert (found["run_id"], found["state"]["name"]) == (wanted["id"], "Running")


def test_what_was_pruned_is_told(api, store, run):
    run("PENDING")
    pruned = {"position": 1}
    store.run(lambda tx: tx.run("meta.retain_after", pruned), Lane.FACTS, Grade.PLAIN)
    with (
        closing(streams(str(api.base_url)).follow(CHANGES, cursor=BEGINNING)) as told,
        pytest.raises(Resync),
    ):
        next(values(told))


def test_what_is_no_use_to_try_again_is_raised(serve):
    with serve(Access(api_key="secret")) as api:
        url = str(api.base_url)
        with (
            closing(streams(url).follow(CHANGES)) as told,
            pytest.raises(ServerRefused, match="LEGATO_API_KEY"),
        ):
            next(told)
        with (
            closing(streams(url, "secret").follow(CHANGES, {"no": 1})) as told,
            pytest.raises(InvalidRequest, match="no"),
        ):
            next(told)
        with (
            closing(streams(url, "secret").follow("/nowhere/out")) as told,
            pytest.raises(ServerRefused, match="/nowhere/out"),
        ):
            next(told)
        with closing(streams(url, "secret").follow(CHANGES)) as told:
            assert next(told).cursor is not None


def test_a_server_that_stays_away_is_given_up(wire):
    wire.cut()
    with (
        closing(follow(route_to(wire.url, {}), Subscription(CHANGES), 0.2)) as told,
        pytest.raises(ServerAway, match="cannot be followed"),
    ):
        next(told)


@pytest.fixture
def following(wire, tmp_path, monkeypatch):
    """Follow the log lines of a run by the command line; the lines that it shows come in a list."""
    shown, changed = [], threading.Condition()

    def echo(text):
        with changed:
            shown.append(text.rpartition("| ")[2])
            changed.notify()

    def until(count):
        with changed:
            assert changed.wait_for(lambda: len(shown) >= count, 30), shown

    def begin(run_id, *more):
        code = main.run(["flow-run", "logs", run_id, "--follow", *more])
        assert code == 0
        return shown

    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    monkeypatch.setenv("LEGATO_API_URL", wire.url)
    monkeypatch.setattr(log_lines.click, "echo", echo)
    monkeypatch.setattr(log_lines.LogLines, "_look", None)
    configuration.forget()
    yield begin, until
    backends.retire(str(tmp_path))
    monkeypatch.undo()
    configuration.forget()


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_log_lines_of_a_run_are_followed_to_its_end(wire, api, run, move, following):
    follow, until = following
    wanted, other = run("RUNNING")["id"], run("RUNNING")["id"]

    def say(*messages, to=wanted, level=20, second=1):
        at = f"2026-01-01T12:00:{second:02}Z"
        lines = [
            {"name": "a", "level": level, "message": text, "timestamp": at, "flow_run_id": to}
            for text in messages
        ]
        assert api.post("/logs/", json=lines).status_code == 201

    def work():
        until(2)
        say("not this one", to=other)
        say("too quiet", level=10)
        say("three", second=2)
        until(3)
        wire.cut()
        say("four", second=3)
        say("late", second=1)
        wire.mend()
        until(5)
        say("last", second=4)
        move(wanted, "COMPLETED")

    say("one", "two")
    thread = in_thread(work)
    shown = follow(wanted, "--level", "INFO")
    thread.join()
    assert shown == ["one", "two", "three", "four", "late", "last"]


def test_of_a_run_that_has_ended_nothing_is_awaited(api, run, move, following):
    follow, _ = following
    run_id = run("RUNNING")["id"]
    move(run_id, "COMPLETED")
    assert follow(run_id) == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_where_no_stream_comes_through_lines_are_looked_for(between, capsys):
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name("etl")
        body = {"flow_id": str(flow_id), "state": {"type": "RUNNING"}}
        run_id = client.request("POST", "/flow_runs/", body).json()["id"]
        line = {
            "name": "a",
            "level": 20,
            "timestamp": "2026-01-01T12:00:00Z",
            "flow_run_id": run_id,
        }
        client.create_logs([{**line, "message": "one"}])
        client.request("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "COMPLETED"}})
    assert main.run(["flow-run", "logs", run_id, "--follow"]) == 0
    assert capsys.readouterr().out.count("| one") == 1
