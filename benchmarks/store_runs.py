#!/usr/bin/env python3
"""How many flow runs a store takes in: created, Running, Completed, each waits for its commit.

    benchmarks/store_runs.py --url postgresql://postgres@127.0.0.1/scratch
    benchmarks/store_runs.py                                                   SQLite
    benchmarks/store_runs.py --threads 1,8,50 --seconds 3 --apart

Each thread is a writer. `--apart` shares commits only: each batch is decided and written by itself.
CPU is that of this process; a server on this machine is shown beside.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from legato._control.journal import Delivery
from legato._journal.ids import TimeOrderedIds
from legato._model.flow_runs import FlowRunCreate
from legato._model.records import Batch, FlowRunMoveProposed, FlowRunProposed, Record, Writer
from legato._model.states import State, StateType
from legato._store.port import Lane, Store

IDS = TimeOrderedIds()


def state(kind: StateType) -> State:
    return State(id=IDS.new(), type=kind, name=kind.value.capitalize(), timestamp=now())


def now() -> datetime:
    return datetime.now(UTC)


class Sender:
    """One writer with its sequence."""

    def __init__(self, store: Store, *, apart: bool) -> None:
        self.store, self.apart, self.seq = store, apart, 1
        self.writer = Writer(
            id=IDS.new(), host="bench", pid=1, pid_start=1, pid_namespace=None, opened_at=now()
        )
        self.waits: list[float] = []

    def send(self, record: Record) -> None:
        begin = time.perf_counter()
        delivery = Delivery(now(), Batch(self.writer.id, self.seq, [record], True), self.writer)
        op = delivery.__call__ if self.apart else delivery
        answer = self.store.run(op, Lane.PROPOSALS)
        if type(answer.answers[0]).__name__ != "Accepted":
            raise SystemExit(f"refused: {answer}")
        self.seq += 1
        self.waits.append(time.perf_counter() - begin)

    def run_once(self) -> None:
        run_id = IDS.new()
        run = FlowRunCreate(id=run_id, name="run", state=state(StateType.PENDING))
        self.send(FlowRunProposed("bench", run))
        for kind in (StateType.RUNNING, StateType.COMPLETED):
            self.send(FlowRunMoveProposed(1, run_id, state(kind)))


def measure(store: Store, threads: int, seconds: float, *, apart: bool) -> str:
    senders = [Sender(store, apart=apart) for _ in range(threads)]
    for sender in senders:  # statements are prepared, connections open
        for _ in range(4):
            sender.run_once()
        sender.waits.clear()
    commits = count_commits(store)
    end = time.perf_counter() + seconds

    def work(sender: Sender) -> None:
        while time.perf_counter() < end:
            sender.run_once()

    workers = [threading.Thread(target=work, args=[sender]) for sender in senders]
    begin, cpu, served = time.perf_counter(), time.process_time(), server_seconds(store)
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    waits = sorted(wait for sender in senders for wait in sender.waits)
    runs = len(waits) / 3
    return (
        f"| {threads} | {'apart' if apart else 'together'} | {runs / wall:.0f} "
        f"| {len(waits) / wall:.0f} | {statistics.median(waits) * 1000:.1f} ms "
        f"| {waits[int(len(waits) * 0.99)] * 1000:.1f} ms | {len(waits) / commits():.1f} "
        f"| {cpu / runs * 1000:.2f} ms "
        f"| {(server_seconds(store) - served) / runs * 1000:.2f} ms | {os.getloadavg()[0]:.1f} |"
    )


def count_commits(store: Any) -> Callable[[], int]:
    """Count transactions of the combiner from now on."""
    combiner = getattr(store, "_combiner", None) or store._writer.combiner
    real, counted = combiner._transact, []

    def transact(*arguments: object) -> None:
        counted.append(None)
        real(*arguments)

    combiner._transact = transact
    return lambda: len(counted)


def server_seconds(store: Store) -> float:
    """CPU of the server's process for the connection that writes, if it runs on this machine."""
    writer = getattr(store, "_writer", None)
    if writer is None or not hasattr(writer, "combiner"):
        return 0
    stat = Path(f"/proc/{writer.connection.info.backend_pid}/stat")
    if not stat.exists():
        return 0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def open_store(url: str | None, folder: str) -> Store:
    if url is None:
        from legato._store.sqlite import SqliteStore

        return SqliteStore(Path(folder) / "legato.db")
    from legato._store.migrate import migrate_postgres
    from legato._store.postgres import PostgresStore

    migrate_postgres(url)
    return PostgresStore(url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url")
    parser.add_argument("--threads", default="1,8,50")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--apart", action="store_true")
    given = parser.parse_args()
    print(
        "| threads | batches | runs/s | operations/s | p50 | p99 | a commit | CPU a run "
        "| CPU of the server | load |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for threads in map(int, given.threads.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(given.url, folder)
            print(measure(store, threads, given.seconds, apart=given.apart), flush=True)
            store.close()


if __name__ == "__main__":
    main()
