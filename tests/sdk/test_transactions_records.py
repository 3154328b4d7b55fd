"""Records of transactions: kept under a key by a store, with or without locks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato.cache_policies import NO_CACHE
from legato.exceptions import ConfigurationError
from legato.locking.memory import MemoryLockManager
from legato.results import ResultStore
from legato.transactions import IsolationLevel, atransaction, get_transaction, transaction

if TYPE_CHECKING:
    from pathlib import Path

Log = list[str]


@pytest.fixture
def log() -> Log:
    return []


def step(log: Log, name: str) -> Any:
    """Return a task that logs its call, its commit and its undoing."""

    @task(name=name)
    def act() -> None:
        log.append(name)

    act.on_commit(lambda txn: log.append(f"commit {name}"))
    act.on_rollback(lambda txn: log.append(f"undo {name}"))
    return act


class DictStore:
    """Keeps records in memory; has locks if `locks` are given."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.calls: Log = []

    def exists(self, key: str) -> bool:
        return key in self.records

    def read(self, key: str, holder: str | None = None) -> Any:
        return self.records.get(key)

    def write(self, key: str, obj: Any, holder: str | None = None) -> None:
        self.calls.append("write")
        self.records[key] = obj


class LockedStore(DictStore):
    """One with locks."""

    def acquire_lock(self, key: str, holder: str) -> bool:
        self.calls.append("acquire")
        return True

    def release_lock(self, key: str, holder: str) -> None:
        self.calls.append("release")


def test_a_key_has_a_record_once_it_is_committed() -> None:
    store = DictStore()
    with pytest.raises(ValueError, match="stop"), transaction("k", store) as txn:  # noqa: PT012
        txn.stage(1)
        raise ValueError("stop")
    assert store.records == {}
    with transaction("k", store) as txn:
        assert not txn.is_committed()
        txn.stage({"a": 1})
    with transaction("k", store) as again:
        assert again.is_committed()
        assert again.read() == {"a": 1}
        again.stage("not written")
    with transaction("k", store, overwrite=True, write_on_commit=False) as forced:
        assert not forced.is_committed()
        forced.stage("not written")
    assert store.records == {"k": {"a": 1}}


def test_a_record_that_cannot_be_written_rolls_back(log: Log) -> None:
    class Full(DictStore):
        def write(self, key: str, obj: Any, holder: str | None = None) -> None:
            raise OSError("disk full")

    @flow
    def job() -> None:
        with transaction("k", Full()):
            step(log, "a")()

    with pytest.raises(OSError, match="disk full"):
        job()
    assert log == ["a", "commit a", "undo a"]


def test_a_serializable_transaction_holds_the_lock_to_its_end() -> None:
    store = LockedStore()
    level = IsolationLevel.SERIALIZABLE
    with transaction("k", store, isolation_level=level) as outer:
        with transaction("inner", store) as inner:
            assert inner.isolation_level is level
        store.calls.append("end")
    assert outer.is_committed()
    assert store.calls == ["acquire"] * 2 + ["end"] + ["write"] * 2 + ["release"] * 2
    store.calls.clear()
    with pytest.raises(ValueError, match="stop"), transaction("n", store, isolation_level=level):
        raise ValueError("stop")
    assert store.calls == ["acquire", "release"]


def test_a_store_without_locks_is_refused_where_they_are_asked_for() -> None:
    txn = transaction("k", DictStore(), isolation_level=IsolationLevel.SERIALIZABLE)
    with pytest.raises(ConfigurationError, match="SERIALIZABLE is not supported"), txn:
        pass
    assert get_transaction() is None


def test_a_dry_run_commits_nothing(log: Log) -> None:
    store = DictStore()

    @flow
    def job() -> None:
        with transaction("k", store):
            step(log, "a")()

    assert "a" in job.generate_mermaid_graph()
    assert log == []
    assert store.records == {}


def other_storage(store: ResultStore) -> ResultStore:
    """Return a store for the same place that remembers nothing."""
    return ResultStore(result_storage=store.result_storage, lock_manager=store.lock_manager)


def test_without_a_store_the_record_lies_where_the_results_of_the_run_lie(tmp_path: Path) -> None:
    @flow(result_storage=tmp_path / "results", result_serializer="json")
    def job(value: int) -> Any:
        with transaction("report/1") as txn:
            if txn.is_committed():
                return txn.read().result
            assert txn.read() is None
            txn.stage({"rows": value})
        return "new"

    assert [job(1), job(2)] == ["new", {"rows": 1}]
    assert ResultStore(result_storage=tmp_path / "results").read("report/1").result == {"rows": 1}


def test_outside_of_runs_the_record_lies_in_the_default_storage() -> None:
    async def main() -> list[Any]:
        found: list[Any] = []
        for _ in range(2):
            async with atransaction("k") as txn:
                found.append(await txn.read() if txn.is_committed() else None)
                txn.stage([1])
        return found

    first, second = asyncio.run(main())
    assert first is None
    assert second.result == [1]
    with transaction() as txn:
        assert txn.store is None


def test_a_staged_record_is_stored_with_its_expiry_under_the_key() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    store = ResultStore()
    with transaction("k", store) as txn:
        txn.stage(store.create_result_record((1, 2), expiration=later))
    found = other_storage(store).read("k")
    assert (found.result, found.expiration) == ((1, 2), later)
    with transaction("k", store, overwrite=True) as txn:
        assert not txn.is_committed()
        txn.stage(store.create_result_record("old", "k", datetime.now(UTC) - timedelta(hours=1)))
    with transaction("k", other_storage(store)) as txn:
        assert not txn.is_committed()


def test_what_was_rolled_back_or_is_not_to_be_written_leaves_no_record() -> None:
    with pytest.raises(ValueError, match="stop"), transaction("k") as txn:  # noqa: PT012
        txn.stage(1)
        raise ValueError("stop")
    assert not ResultStore().exists("k")
    with transaction("k", write_on_commit=False) as txn:
        txn.stage(1)
    assert not ResultStore().exists("k")


def test_locks_of_the_policy_let_one_task_at_a_time_into_a_transaction() -> None:
    entered: list[str] = []

    @task(cache_policy=NO_CACHE.configure(lock_manager=MemoryLockManager()))
    def report() -> Any:
        level = IsolationLevel.SERIALIZABLE
        with transaction("report", isolation_level=level) as txn:
            if not txn.is_committed():
                entered.append("in")
                txn.stage(len(entered))
            return txn.read() and txn.read().result

    @flow
    def job() -> list[Any]:
        return [future.result() for future in [report.submit() for _ in range(8)]]

    assert job().count(None) == 1
    assert entered == ["in"]


def test_without_a_lock_manager_no_transaction_is_serializable() -> None:
    with (
        pytest.raises(ConfigurationError, match="lock manager"),
        transaction("k", isolation_level=IsolationLevel.SERIALIZABLE),
    ):
        pass
