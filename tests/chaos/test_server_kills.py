"""kill -9 of a server, and of its database, under clients that are acknowledged changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from legato._store.checker import violations
from legato._store.sql import Sql
from tests.chaos.load import Load
from tests.chaos.postgres import Cluster, programs
from tests.chaos.scale import scale, seeded
from tests.chaos.servers import ServerProcess
from tests.remote.conftest import opened

if TYPE_CHECKING:
    from random import Random

    from legato._store.port import Store

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

# What a run left: its id and what it is, as the clients note it.
_LEFT = {
    "state": "SELECT flow_run_id, type FROM flow_run_state",
    "line": "SELECT flow_run_id, 'line' FROM log",
    "artifact": "SELECT flow_run_id, 'artifact' FROM artifact",
    "variable": "SELECT name, 'variable' FROM variable",
}


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster | None]:
    """Return a PostgreSQL that is started; None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    folder = programs()
    if folder is None:
        pytest.skip("there are no programs of a PostgreSQL server here")
    with TemporaryDirectory() as place:  # the folders of pytest are root's
        cluster = Cluster(folder, Path(place))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("cluster", BOTH, indirect=True)
def test_no_acknowledged_change_is_lost_or_made_twice(
    cluster: Cluster | None, tmp_path: Path
) -> None:
    kills, chance = scale("LOAD_KILLS"), seeded("server kills under load")
    server = ServerProcess(tmp_path / "server", cluster.url if cluster else None).start()
    try:
        load = Load(server.url)
        try:
            for number in range(kills):
                load.wait_for(scale("LOAD_CHANGES") + chance.randrange(10))
                strike(server, cluster, chance, number)
            load.wait_for(scale("LOAD_CHANGES"))
        finally:
            load.end()
        [limit] = server.ask("/v2/concurrency_limits/filter")
    finally:
        server.close()
    print(f"{kills} kills, {load.acked.total()} changes, {load.again} of them sent again")
    assert limit["active_slots"] == load.slots
    store = opened(server)
    try:
        assert left(store) == load.acked
        assert violations(store) == []
    finally:
        store.close()


def strike(server: ServerProcess, cluster: Cluster | None, chance: Random, number: int) -> None:
    """Kill the server, the database below it, or both at once; start again what was killed."""
    both, database = ((True, True), (False, True), (False, False))[number % 3]
    if cluster is None or not database:
        server.kill()
        server.start()
        return
    cluster.kill()
    if both:
        server.kill()
    cluster.start()
    if both:
        server.start()


def left(store: Store) -> Counter[tuple[str, str]]:
    """Return what the database holds, in the words of `Load.acked`."""
    found: Counter[tuple[str, str]] = Counter()
    for query in _LEFT.values():
        for key, what in store.read(lambda tx, query=query: tx.select(Sql(query))):
            found[run_of(key), str(what)] += 1
    return found


def run_of(key: UUID | bytes | str) -> str:
    if isinstance(key, str):
        return key.removeprefix("v_").replace("_", "-")
    return str(key if isinstance(key, UUID) else UUID(bytes=key))
