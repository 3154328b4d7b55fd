"""A server that is killed between the commit of a change and its answer, in one place at a time."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from legato._store.checker import violations
from tests.chaos import changes
from tests.chaos.postgres import waiting
from tests.chaos.rows import rows
from tests.chaos.scale import scale, seeded, some
from tests.chaos.servers import ServerProcess
from tests.remote.conftest import opened
from tests.store.conftest import postgres_store, postgres_url
from tests.store.records import until

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path
    from random import Random

__all__ = ["postgres_url"]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

TRIES = 5
PLACES = ["store.after_commit", "store.before_commit", "server.before_answer"]
"""In the second of them nothing is committed, so nothing may be there before it is sent again."""


def insisted(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Send a request until it is answered with something else than that it may come again."""
    for _ in range(TRIES):
        answer = client.send(request)
        if answer.status_code != 503:
            break
    return answer


class Insisting:
    """A client whose requests meet a server that dies in that place; None: that lives on.

    It looks into the database itself.
    """

    def __init__(self, server: ServerProcess, place: str | None, chance: Random) -> None:
        self.server, self.place = server, place
        self.store = opened(server)
        self.client = httpx.Client(base_url=server.url, timeout=60)
        self.chosen = some(changes.COUNT, scale("ANSWERS"), chance)
        self.number = 0

    def __call__(self, path: str, body: Any, *, by_itself: bool = False) -> Any:
        key = {} if by_itself else {"idempotency-key": str(uuid4())}
        request = self.client.build_request("POST", path, json=body, headers=key)
        if self.place is not None and self.number in self.chosen:
            self._lose(request)
        self.number += 1
        answer = insisted(self.client, request)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def _lose(self, request: httpx.Request) -> None:
        """Have the change made and the answer lost."""
        before = rows(self.store)
        for _ in range(TRIES):
            self.server.arm(f"{self.place}=kill")
            with pytest.raises(httpx.TransportError):
                self.client.send(request)
            self.server.dies()
            is_made = rows(self.store) != before
            self.server.start()
            if is_made == (self.place != "store.before_commit"):
                return
            assert not is_made, f"{request.url} was made before its commit"
        raise AssertionError(f"something else than {request.url} met {self.place} each time")

    def close(self) -> None:
        self.client.close()
        assert violations(self.store) == []
        self.store.close()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str | None:
    """Return where the rows lie: None in the home of the server."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres_url")
    postgres_store(url).close()
    return url


def left(server: ServerProcess, place: str | None) -> Counter[object]:
    """Return what all changes leave in the database of a server that is not started yet."""
    try:
        client = Insisting(server.start(), place, seeded("lost answers"))
        changes.make(client)
        assert client.number == changes.COUNT
        found = rows(client.store)
        client.close()
        return found
    finally:
        server.close()


def cases() -> Iterator[Any]:
    """Yield the places on both databases; in a test run the first one on PostgreSQL."""
    for place in PLACES:
        for kind in ("postgres", "sqlite"):
            marks = [pytest.mark.postgres] if kind == "postgres" else []
            yield pytest.param(kind, place, marks=marks)


@pytest.mark.parametrize(
    ("database", "place"), [*cases()][: scale("PLACES") or None], indirect=["database"]
)
def test_a_change_whose_answer_was_lost_is_made_once(
    database: str | None, place: str, tmp_path: Path
) -> None:
    """Without the key in the change's own transaction it would be made once more."""
    unharmed = left(ServerProcess(tmp_path / "unharmed"), None)
    assert left(ServerProcess(tmp_path / "server", database), place) == unharmed


class Doubling:
    """A client whose requests two servers carry out at a time, under one key."""

    def __init__(self, first: ServerProcess, second: ServerProcess) -> None:
        self.first, self.second = first, second
        self.client = httpx.Client(timeout=60)
        self.threads = ThreadPoolExecutor(2)

    def __call__(self, path: str, body: Any, **_: bool) -> Any:
        actor, url = self.first.actor, self.first.database_url
        assert actor is not None
        assert url is not None
        key = {"idempotency-key": str(uuid4())}
        asked = [
            self.client.build_request("POST", f"{one.url}{path}", json=body, headers=key)
            for one in (self.first, self.second)
        ]
        self.first.arm("store.before_commit=pause")
        first = self.threads.submit(self.client.send, asked[0])
        self.first.stands()
        second = self.threads.submit(self.client.send, asked[1])
        until(lambda: second.done() or waiting(url) > 0)
        actor.signal(signal.SIGCONT)
        first.result(), second.result()  # one of them may have found that it was not the first
        answer, other = (insisted(self.client, request) for request in asked)
        assert answer.is_success, (path, answer.text)
        assert (other.status_code, other.content) == (answer.status_code, answer.content), path
        return answer.json() if answer.content else None

    def close(self) -> None:
        self.threads.shutdown()
        self.client.close()


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_change_that_two_servers_are_asked_for_is_made_once(
    database: str | None, tmp_path: Path
) -> None:
    """Who refuses what the other one has just done would refuse what it was asked for itself."""
    unharmed = left(ServerProcess(tmp_path / "unharmed"), None)
    first, second = (ServerProcess(tmp_path / name, database) for name in ("first", "second"))
    try:
        client = Doubling(first.start(), second.start())
        changes.make(client)
        client.close()
        store = opened(first)
        assert rows(store) - unharmed == {"idempotency": 3}  # also what needs no key had one
        assert unharmed - rows(store) == {}
        store.close()
    finally:
        for server in (first, second):
            server.close()
