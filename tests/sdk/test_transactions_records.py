"""Records of transactions: kept under a key by a store, with or without locks."""

from __future__ import annotations

from typing import Any

import pytest

from legato import flow, task
from legato.exceptions import ConfigurationError
from legato.transactions import IsolationLevel, get_transaction, transaction

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
