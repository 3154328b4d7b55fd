"""How a server ends, whatever it is doing: a real process with less patience than usual."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.chaos.processes import free_port

SERVER = """
import sys
from legato._server import lifetime, serve

serve.REQUESTS_SECONDS, lifetime.LIMIT_SECONDS = map(float, sys.argv[1:3])
lifetime.LAST_WORDS_SECONDS = 30  # where nothing holds them up, all are said, on any machine
from legato._cli.main import main
main(["server", "start", "--port", sys.argv[3]])
"""
SOON, NEVER = "0.3", "600"

LEFT = """
import logging, sys, threading
from legato._server import lifetime

class Slow(logging.StreamHandler):
    def emit(self, record):
        threading.Event().wait(float(sys.argv[1]))
        super().emit(record)

logging.getLogger("legato.server").addHandler(Slow())
lifetime.LIMIT_SECONDS = 0
life = lifetime.Lifetime()
life.last_words.append(lambda: print("the last word", flush=True))
life.end()
threading.Event().wait(600)
"""


class Server:
    """A server as a process: `requests` and `limit` are seconds."""

    def __init__(self, home, requests, limit):
        self.port = free_port()
        self.lock = home / "legato.db.lock"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, requests, limit, str(self.port)],
            env={**os.environ, "LEGATO_HOME": str(home)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "API is at" in self.process.stderr.readline()
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api", timeout=60)

    def asked(self, *call, **more):
        """Send a request in a thread; return what holds its answer, once it is at work."""
        found, before = [], self.at_work()

        def ask():
            with suppress(httpx.TransportError):  # it was cut off
                found.append(self.api.request(*call, **more))

        asking = threading.Thread(target=ask)
        asking.start()
        self.until_at_work(before + 1)
        return asking, found

    def until_at_work(self, count):
        deadline = time.monotonic() + 60
        while self.at_work() < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def at_work(self):
        lines = self.api.get("/metrics").text.splitlines()
        return next(
            int(line.split()[1]) for line in lines if line.startswith("legato_requests_in_progress")
        )

    def until_it_hears_nobody(self):
        deadline = time.monotonic() + 60
        with suppress(OSError):
            while time.monotonic() < deadline:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                time.sleep(0.02)
            raise AssertionError("It goes on listening")

    @contextmanager
    def writers_waiting(self):
        """Let all who write wait, by the lock that they take."""
        with self.lock.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            yield


@pytest.fixture
def server(tmp_path):
    started = []

    def start(requests, limit):
        started.append(Server(tmp_path / "home", requests, limit))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate(timeout=60)
        one.api.close()


def test_a_writer_that_waits_is_told_to_come_again_and_does_not_hold_up_the_end(server):
    one = server(SOON, "3")
    with one.writers_waiting():
        ask, found = one.asked("POST", "/flows/", json={"name": "etl"})
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(60) == 1
        ask.join(60)
    assert (found[0].status_code, found[0].headers["Retry-After"]) == (503, "1")
    assert found[0].headers["Cache-Control"] == "no-store"
    said = one.process.stderr.read()
    assert "did not end in good order" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("seconds", "told"), [(0.1, True), (600, False)])
def test_a_log_that_takes_its_time_is_waited_for_but_not_for_ever(seconds, told):
    command = [sys.executable, "-c", LEFT, str(seconds)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stdout) == (1, "the last word\n")
    assert ("did not end in good order" in answer.stderr) is told


def test_clients_that_neither_speak_nor_read_do_not_hold_up_the_end(server):
    one = server(SOON, NEVER)
    flow = one.api.post("/flows/", json={"name": "etl"}).json()
    run = one.api.post("/flow_runs/", json={"flow_id": flow["id"]}).json()
    with deaf(one.port), socket.create_connection(("127.0.0.1", one.port)) as half:
        half.sendall(b"POST /api/flows/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        one.until_at_work(2)
        for count in range(30):
            state = {"type": "RUNNING", "name": str(count), "message": "m" * 400_000}
            asked = {"state": state, "force": True}
            one.api.post(f"/flow_runs/{run['id']}/set_state", json=asked).raise_for_status()
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(60) == 0  # in good order, as nothing of the server's own waits
        assert half.recv(100).startswith(b"HTTP/1.1 503 ")


@contextmanager
def deaf(port):
    """A subscriber that reads nothing."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    held.connect(("127.0.0.1", port))
    url = f"ws://127.0.0.1:{port}/api/run_changes/out"
    with (
        suppress(ConnectionClosed),
        connect(url, subprotocols=["prefect"], sock=held, max_queue=1, close_timeout=0) as client,
    ):
        client.send(json.dumps({"type": "auth", "token": None}))
        assert json.loads(client.recv(30)) == {"type": "auth_success"}
        client.send(json.dumps({"type": "filter", "filter": None, "cursor": None}))
        assert json.loads(client.recv(30))["type"] == "cursor"
        yield


def test_a_second_interrupt_ends_it_at_once(server):
    one = server(NEVER, NEVER)
    with one.writers_waiting():
        ask, found = one.asked("POST", "/flows/", json={"name": "etl"})
        one.process.send_signal(signal.SIGINT)
        one.until_it_hears_nobody()
        one.process.send_signal(signal.SIGINT)
        assert one.process.wait(60) == 130
        ask.join(60)
    assert not found
    assert not (one.lock.parent / "server.json").exists()


def test_a_port_that_is_taken_is_told(server, tmp_path):
    one = server(SOON, NEVER)
    command = [sys.executable, "-m", "legato", "server", "start", "--port", str(one.port)]
    env = {**os.environ, "LEGATO_HOME": str(tmp_path / "another")}
    answer = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 2
    assert f"Port {one.port} of 127.0.0.1 is taken" in answer.stderr


def test_a_log_of_json_has_nothing_else_in_it(tmp_path, server, monkeypatch):
    monkeypatch.setenv("LEGATO_SERVER_LOGGING_FORMAT", "json")
    monkeypatch.setenv("LEGATO_SERVER_LOGGING_LEVEL", "INFO")
    one = server(SOON, "3")
    one.api.post("/flows/", json={"name": "etl"}, headers={"X-Request-Id": "shop-21"})
    with one.writers_waiting():
        one.asked("POST", "/flows/", json={"name": "more"})[0]
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(60)
    lines = [json.loads(line) for line in one.process.stderr]
    told = next(line for line in lines if line.get("request_id") == "shop-21")
    assert (told["operation"], told["status"]) == ("flows.create", 201)
    assert {line["level"] for line in lines} == {"INFO", "WARNING", "ERROR"}
