"""Clients that change things through a server and ask again until they are answered.

Half of them send runs and states under no key, as Prefect's clients do, and look before they send
one again whether it was made: a server writes what comes so at the same time together.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

CLIENTS = 8
LIMIT = "gate"
WAIT_SECONDS = 0.02


class Load:
    """`CLIENTS` threads, each with one request at a time; `acked` counts what was answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acked: Counter[tuple[str, str]] = Counter()
        """What there must be once each: a state of a run, a log line, a variable, an artifact."""
        self.slots = self.again = 0
        """How many are held at the end; how often something was sent again."""
        self.failures: list[BaseException] = []
        self._mutex, self._over = threading.Condition(), threading.Event()
        with httpx.Client(base_url=url) as client:
            self.flow_id = client.post("/flows/", json={"name": "etl"}).json()["id"]
            limit = {"name": LIMIT, "limit": 1_000_000}
            assert client.post("/v2/concurrency_limits/", json=limit).status_code == 201
        self._threads = [
            threading.Thread(target=self._work, args=[bool(n % 2)]) for n in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        """Wait until so many further changes are acknowledged."""
        with self._mutex:
            goal = self.acked.total() + more
            came = self._mutex.wait_for(lambda: self.acked.total() >= goal or self.failures, 120)
            assert not self.failures, self.failures
            assert came, "nothing is answered any more"

    def end(self) -> None:
        """Let each client finish what it is about; the server must be there."""
        self._over.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()
        assert not self.failures, self.failures

    def _work(self, looks: bool) -> None:
        try:
            with httpx.Client(base_url=self.url, timeout=30) as client:
                while not self._over.is_set():
                    self._one_run(client, looks)
        except BaseException as failure:
            with self._mutex:
                self.failures.append(failure)
                self._mutex.notify_all()
            raise

    def _one_run(self, client: httpx.Client, looks: bool) -> None:
        name = uuid4().hex
        body = {"flow_id": self.flow_id, "name": name, "state": {"type": "PENDING"}}
        look = partial(self._run_of, client, name) if looks else None
        run: str = self._send(client, "/flow_runs/", body, look)["id"]
        self._ack(run, "PENDING")
        self._move(client, run, "RUNNING", looks)
        line = {"name": "x", "level": 20, "message": run, "flow_run_id": run}
        self._send(client, "/logs/", [{**line, "timestamp": datetime.now(UTC).isoformat()}])
        self._ack(run, "line")
        self._send(client, "/variables/", {"name": f"v_{run.replace('-', '_')}", "value": run})
        self._ack(run, "variable")
        slot = {"names": [LIMIT], "slots": 1, "mode": "concurrency"}
        self._send(client, "/v2/concurrency_limits/increment", slot)
        with self._mutex:
            self.slots += 1
        self._send(client, "/artifacts/", {"flow_run_id": run, "type": "text", "data": run})
        self._ack(run, "artifact")
        self._move(client, run, "COMPLETED", looks)

    def _move(self, client: httpx.Client, run: str, kind: str, looks: bool) -> None:
        look = partial(self._state_of, client, run, kind) if looks else None
        path = f"/flow_runs/{run}/set_state"
        answer = self._send(client, path, {"state": {"type": kind}}, look)
        assert answer["status"] == "ACCEPT", answer
        self._ack(run, kind)

    def _run_of(self, client: httpx.Client, name: str) -> Any:
        """Return the run of that name, if it was created."""
        body = {"flow_runs": {"name": {"any_": [name]}}}
        found = self._send(client, "/flow_runs/filter", body)
        assert len(found) < 2, found
        return found[0] if found else None

    def _state_of(self, client: httpx.Client, run: str, kind: str) -> Any:
        """Return the answer that a run's move had, if it was made."""
        [found] = self._send(client, "/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return {"status": "ACCEPT"} if found["state_type"] == kind else None

    def _ack(self, run: str, what: str) -> None:
        with self._mutex:
            self.acked[run, what] += 1
            self._mutex.notify_all()

    def _send(
        self, client: httpx.Client, path: str, body: Any, look: Callable[[], Any] | None = None
    ) -> Any:
        """Send a change until it is answered: under a key, or until `look` finds it made."""
        key = {} if look else {"idempotency-key": str(uuid4())}
        while True:
            try:
                answer = client.post(path, json=body, headers=key)
            except httpx.TransportError:  # it may have been carried out, or not
                answer = None
            if answer is not None and answer.is_success:
                return answer.json() if answer.content else None
            assert answer is None or answer.status_code == 503, answer.text
            with self._mutex:
                self.again += 1
            threading.Event().wait(WAIT_SECONDS)
            if look and (made := look()) is not None:
                return made
