"""A real server of Prefect's beside one of ours: the same requests to both, told apart by id."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time

import httpx

_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*")
_NAMED = re.compile(r"<([\w-]+)>")
_TRIES = 8
"""To connect; each waits twice as long as the one before, all of them two minutes."""
_BUSY_SECONDS = 20.0
OURS = {"durable", "entrypoint", "parameters_id", "rerun_of", "root_flow_run_id", "code", "reason"}
"""What answers of ours have besides."""
MOMENTS = {
    "created",
    "updated",
    "last_polled",
    "total_run_time",
    "estimated_run_time",
    "estimated_start_time_delta",
}


@contextlib.contextmanager
def prefect_server(python, home):
    """Start Prefect's server; yields the address of its API."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LEGATO_", "PREFECT_"))}
    settings = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    }
    command = [python, "-m", "prefect", "server", "start", "--no-ui", "--port", str(port)]
    log = (home / "server.log").open("wb")
    with log, subprocess.Popen(command, env={**kept, **settings}, stdout=log, stderr=log) as server:
        try:
            url = f"http://127.0.0.1:{port}/api"
            _await(url)
            yield url
        finally:
            server.terminate()


def _await(url):
    """Wait until it listens, which it does when it is ready."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=_TRIES)) as client:
        assert client.get(f"{url}/health").status_code == 200


class Pair:
    """Both servers; `<name>` in a request stands for the id of what was made under that name."""

    def __init__(self, theirs, ours):
        self._clients = (theirs, ours)
        self._ids = ({}, {})

    def __call__(self, method, path, body=None):
        """Return the answers of Prefect's server and of ours, with names for ids and times."""
        return tuple(self._answer(side, method, path, body) for side in (0, 1))

    def make(self, name, path, body):
        """Make something on both, to be named so from now on."""
        for side in (0, 1):
            answer = self._sent(side, "POST", path, body)
            assert answer.status_code < 300, answer.text
            self._ids[side][name] = answer.json()["id"]

    def _sent(self, side, method, path, body):
        ids = self._ids[side]
        given = _each_text(body, lambda text: _NAMED.sub(lambda found: ids[found[1]], text))
        where = _NAMED.sub(lambda found: ids[found[1]], path)
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            with contextlib.suppress(httpx.ReadError):  # theirs closes connections now and then
                answer = self._clients[side].request(method, where, json=given)
                if answer.status_code != 503 or time.monotonic() > end:
                    return answer

    def _answer(self, side, method, path, body):
        names = {id_: f"<{name}>" for name, id_ in self._ids[side].items()}

        def shown(text):
            found = _IDS.sub(lambda one: names.get(one[0], "<id>"), text)
            return "<time>" if _TIMES.fullmatch(found) else found

        answer = self._sent(side, method, path, body)
        return answer.status_code, _each_text(answer.json() if answer.content else None, shown)


def _each_text(value, change):
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    return value


def without(value, keys):
    """Return an answer without some members of its objects."""
    if isinstance(value, list):
        return [without(item, keys) for item in value]
    if isinstance(value, dict):
        return {key: without(item, keys) for key, item in value.items() if key not in keys}
    return value
