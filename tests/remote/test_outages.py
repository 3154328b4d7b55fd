"""A server that is away: runs go on, and it has everything once it is back."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from legato._backend.offline import LABEL
from tests.chaos import verdict
from tests.remote.actors import DURABLE, LIMITED, LOCAL, ONE, RESUME, RUN, SEND, SLOW_HEARER
from tests.remote.whole import TASKS, is_whole, total
from tests.store.records import until

AT_ONCE = {"LEGATO_SPOOL_EXIT_SECONDS": "0.1"}


def spooled(home):
    return list((home / "spool").rglob("*.db"))


def test_a_run_loses_the_server_in_the_middle_and_the_server_is_started_anew(server, home, start):
    server.start()
    script = start(RUN, TASKS, "halfway", "ending")
    script.until("halfway")
    server.kill()
    script.tell()
    script.until("ending")
    assert "nobody listens there" in script.errors()
    assert len(spooled(home)) == 1
    server.start()
    script.tell()
    assert script.ends() == 0
    assert "nothing was lost" in script.errors()
    assert not spooled(home)
    assert all(LABEL not in run["labels"] for run in is_whole(server) if run["name"] == "whole")


def test_a_run_begins_and_ends_without_its_server_and_is_delivered_later(server, home, start):
    script = start(RUN, TASKS, **AT_ONCE)
    assert script.rest() == [f"total {total()}"]
    assert script.ends() == 0
    assert str(spooled(home)[0]) in script.errors()
    server.start()
    sending = start(SEND)
    sending.rest()
    assert sending.ends() == 0, sending.errors()
    assert not spooled(home)
    assert all(run["labels"][LABEL] for run in is_whole(server))


def test_what_a_killed_process_left_is_delivered_by_the_next_one(server, home, start):
    script = start(RUN, TASKS, "ending", **AT_ONCE)
    script.until("ending")
    assert spooled(home)
    script.kill()
    server.start()
    assert start(ONE, LEGATO_SPOOL_EXIT_SECONDS="30").rest() == ["one 1"]
    assert not spooled(home)
    assert server.ask("/flow_runs/count") == 3
    assert server.ask("/task_runs/count") == TASKS + 3


def test_a_process_does_not_end_while_its_scribe_delivers_what_another_left(server, home, start):
    script = start(RUN, TASKS, "ending", **AT_ONCE)
    script.until("ending")
    script.kill()
    server.start()
    hearer = start(SLOW_HEARER)
    assert hearer.rest() == ["one 1"]
    assert hearer.ends() == 0, hearer.errors()
    assert not spooled(home)


def test_no_run_begins_without_the_server_if_that_is_refused(server, home, start):
    script = start(ONE, LEGATO_OFFLINE="refuse")
    assert script.rest() == []
    assert script.ends() == 1
    assert "as LEGATO_OFFLINE is 'refuse'" in script.errors()
    assert not spooled(home)
    server.start()
    assert start(ONE, LEGATO_OFFLINE="refuse").rest() == ["one 1"]
    assert server.ask("/flow_runs/count") == 1


def test_a_server_that_prefects_variable_names_is_used_if_it_is_legatos(server, home, start):
    server.start()
    script = start(ONE, LEGATO_API_URL=None, PREFECT_API_URL=server.url)
    assert script.rest() == ["one 1"]
    assert server.ask("/flow_runs/count") == 1
    assert not (home / "legato.db").exists()


class _Other(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.path.split("/")[1]
        self.send_response({"all": 200, "closed": 401, "busy": 503}.get(asked, 404))
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def other():
    """A server that is not Legato's."""
    with HTTPServer(("127.0.0.1", 0), _Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_server_of_prefect_gets_nothing(server, home, start, other):
    foreign = [other.replace("/api", path) for path in ("/api", "/all", "/closed")]
    away = [other.replace("/api", "/busy"), server.url]
    words = [(url, "is not one of Legato") for url in foreign]
    words += [(url, "no server answers") for url in away]
    scripts = [start(ONE, LEGATO_API_URL=None, PREFECT_API_URL=url) for url, _ in words]
    for script, (_, word) in zip(scripts, words, strict=True):
        assert script.rest() == ["one 1"]
        assert word in script.errors()
        assert "set LEGATO_API_URL" in script.errors()
    assert verdict.count(home, "select count(*) from flow_run") == len(words)


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_server_of_legato_that_lets_nobody_in_is_not_taken_for_prefects(server, home, start):
    server.start(LEGATO_SERVER_API_AUTH_STRING="ada:secret")
    script = start(ONE, LEGATO_API_URL=None, PREFECT_API_URL=server.url, **AT_ONCE)
    assert script.rest() == ["one 1"]
    assert "does not let this process in (401" in script.errors()
    assert len(spooled(home)) == 1


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_no_run_begins_over_another_server_if_that_is_refused(home, start, other):
    script = start(ONE, LEGATO_API_URL=other.replace("/api", "/all"), LEGATO_OFFLINE="refuse")
    assert script.rest() == []
    assert script.ends() == 1
    assert "No server of Legato answers" in script.errors()
    script = start(ONE, LEGATO_API_URL=other, **AT_ONCE)
    assert script.rest() == ["one 1"]
    assert "No server of Legato answers" in script.errors()


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_server_that_answers_whatever_it_is_asked_is_not_one_of_legato(home, start, other):
    script = start(ONE, LEGATO_API_URL=other.replace("/api", "/all"), **AT_ONCE)
    assert script.rest() == ["one 1"]
    assert script.ends() == 0, script.errors()
    assert "No server of Legato answers" in script.errors()
    assert "could not be stored" not in script.errors()
    assert len(spooled(home)) == 1


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_what_waits_in_the_home_of_the_server_is_not_taken_for_dead(server, start):
    server.start()
    script = start(RUN, TASKS, "halfway", LEGATO_HOME=str(server.home), **AT_ONCE)
    script.until("halfway")
    server.kill()
    script.tell()
    assert script.ends() == 0, script.errors()
    assert spooled(server.home)
    server.start()  # which closes what dead processes of the machine hold
    assert start(ONE, LEGATO_HOME=str(server.home)).rest() == ["one 1"]
    assert not spooled(server.home)
    completed = {"state": {"type": {"any_": ["COMPLETED"]}}}
    assert server.ask("/flow_runs/count", flow_runs=completed) == 3


def test_who_wants_a_slot_waits_for_the_server(server, start):
    server.start()
    server.ask("/v2/concurrency_limits/", name="db", limit=1)
    script = start(LIMITED)
    script.until("held")
    server.kill()
    script.tell()
    script.until("ServerAway")  # its time was over
    assert script.lives_for(0.2)
    server.start()
    script.until("held")
    assert script.ends() == 0, script.errors()


def test_a_durable_step_waits_for_the_server(server, start):
    server.start()
    script = start(DURABLE)
    script.until("committed")
    server.kill()
    script.tell()
    script.until("step 2")
    until(lambda: "its commit waits for the server" in script.errors())
    server.start()
    assert script.rest() == ["step 3", "total 6"]
    runs = server.ask("/flow_runs/filter")
    assert [run["state_type"] for run in runs] == ["COMPLETED"]
    assert server.ask("/task_runs/count") == 3


def test_a_step_that_is_durable_here_waits_for_no_server(server, home, start):
    server.start()
    script = start(LOCAL)
    script.until("committed")
    server.kill()
    script.tell()
    script.until("kept")
    assert "waits for the server" not in script.errors()
    script.kill()
    server.start()
    resumed = start(RESUME)
    resumed.until("was")
    for _ in range(2):
        resumed.tell()
    # what the process left was delivered first, and its run closed
    assert resumed.rest() == ["committed", "kept", "step 3", "total 6"], resumed.errors()
    assert not spooled(home)
    assert server.ask("/task_runs/count") == 3


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_step_that_cannot_be_kept_here_waits_for_the_server(server, home, start):
    server.start()
    script = start(LOCAL)
    script.until("committed")
    (home / "spool").write_text("no folder")
    server.kill()
    script.tell()
    script.until("step 2")
    until(lambda: "its commit waits for the server" in script.errors())
    server.start()
    script.until("kept")
    script.tell()
    assert script.rest() == ["step 3", "total 6"]
