"""`legato server`: a real process that is started, asked and stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from legato._store import sqlite_home


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def legato(home):
    def run(*arguments, **more):
        command = [sys.executable, "-m", "legato", *arguments]
        env = {**os.environ, "LEGATO_HOME": str(home)}
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=120, check=False, **more
        )

    return run


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def started(legato, home, port):
    answer = legato("server", "start", "--background", "--port", str(port))
    assert answer.returncode == 0, answer.stderr + (home / "server.log").read_text()
    yield f"http://127.0.0.1:{port}/api"
    legato("server", "stop")


def post(url, body):
    request = Request(url, json.dumps(body).encode(), method="POST")
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_server_shows_what_the_home_has_and_the_other_way_round(started, legato, tmp_path):
    post(f"{started}/flows/", {"name": "from-outside"})
    assert "from-outside" in legato("flow", "ls").stderr + legato("flow", "ls").stdout
    script = tmp_path / "inside.py"
    script.write_text("from legato import flow\n\n@flow\ndef inside():\n    pass\n\ninside()\n")
    env = {**os.environ, "LEGATO_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, script], env=env, check=True, capture_output=True, timeout=60)
    runs = post(f"{started}/flow_runs/filter", {"flows": {"name": {"any_": ["inside"]}}})
    assert [run["state_name"] for run in runs] == ["Completed"]


def test_one_server_a_home_which_is_found_and_stopped(started, legato, home):
    assert started in legato("server", "status").stderr + legato("server", "status").stdout
    second = legato("server", "start", "--background", "--port", "1")
    assert second.returncode == 1
    assert "is running already" in second.stderr
    assert legato("server", "stop").returncode == 0
    assert legato("server", "status").returncode == 1
    assert not (home / "server.json").exists()
    assert legato("server", "stop").returncode == 1


def test_a_server_that_was_killed_is_not_taken_for_a_living_one(started, legato, home):
    os.kill(json.loads((home / "server.json").read_text())["pid"], signal.SIGKILL)
    assert legato("server", "status").returncode == 1
    assert "No server" in legato("server", "stop").stderr


def test_bad_options_are_told(legato, home):
    answer = legato("server", "start", "--host", "0.0.0.0")
    assert answer.returncode != 0
    assert "LEGATO_SERVER_API_AUTH_STRING" in answer.stderr
    answer = legato("server", "start", "--database-url", "mysql://x")
    assert answer.returncode == 2
    assert "postgresql" in answer.stderr.lower()


def test_a_database_that_cannot_be_used_is_told_at_the_start(legato, home):
    home.mkdir()
    shutil.copyfile(sqlite_home.TEMPLATE, home / "legato.db")
    with closing(sqlite3.connect(home / "legato.db")) as connection:
        connection.execute("UPDATE meta SET schema = 9999, min_writer = 9999, min_reader = 9999")
        connection.execute("PRAGMA user_version = 9999")
        connection.commit()
    answer = legato("server", "start")
    assert answer.returncode != 0
    assert "schema 9999" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_what_is_refused_is_not_kept(started, home, port):
    """Bodies too long, without end and too deep leave the server as large as it was."""

    def megabytes():
        pid = json.loads((home / "server.json").read_text())["pid"]
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def send(head, pieces):
        with socket.create_connection(("127.0.0.1", port)) as line, suppress(OSError):
            line.sendall(b"POST /api/flows/filter HTTP/1.1\r\nHost: localhost\r\n" + head)
            for piece in pieces:
                line.sendall(piece)
            line.recv(1000)

    def attack():
        mega = b"[" * 2**20
        send(b"Content-Length: 50000000\r\n\r\n", [mega] * 50)
        send(b"Transfer-Encoding: chunked\r\n\r\n", [b"100000\r\n" + mega + b"\r\n"] * 60)
        send(b"Content-Length: 1048576\r\n\r\n", [mega])
        send(b"X: " + mega, [mega] * 20)

    attack()  # what is loaded at the first time
    before = megabytes()
    for _ in range(4):
        attack()
    assert megabytes() - before < 20
    with urlopen(f"{started}/health", timeout=30) as answer:
        assert answer.status == 200
