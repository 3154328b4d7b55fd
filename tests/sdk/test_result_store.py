"""Result stores: records under keys, what is remembered, locks; what the settings say."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from legato import flow, task
from legato.cache_policies import INPUTS
from legato.exceptions import ConfigurationError, CorruptResult, NotStored, SerializationError
from legato.locking.memory import MemoryLockManager
from legato.results import (
    ResultRecord,
    ResultRecordMetadata,
    ResultStore,
    aget_default_result_storage,
    aresolve_result_storage,
    get_default_persist_setting,
    get_default_persist_setting_for_tasks,
    get_default_result_serializer,
    get_default_result_storage,
    get_result_store,
    resolve_result_storage,
    resolve_serializer,
    should_persist_result,
)
from legato.serializers import JSONSerializer, PickleSerializer
from legato.settings import temporary_settings
from legato.transactions import IsolationLevel, transaction

EARLIER = datetime.now(UTC) - timedelta(hours=1)
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(result_storage=tmp_path / "results", serializer="json")


def again(store: ResultStore) -> ResultStore:
    """Return a store for the same place that remembers nothing, as another process has it."""
    return ResultStore(
        result_storage=store.result_storage,
        metadata_storage=store.metadata_storage,
        serializer="pickle",
    )


@pytest.mark.parametrize("apart", [False, True], ids=["with the result", "in another storage"])
def test_a_record_is_read_back(store: ResultStore, tmp_path: Path, apart: bool) -> None:
    if apart:
        store = ResultStore(
            result_storage=tmp_path / "r", metadata_storage=tmp_path / "m", serializer="json"
        )
    assert not store.exists("a/key")
    with pytest.raises(NotStored):
        store.read("a/key")
    store.write({"answer": 42}, key="a/key", expiration=LATER)
    for reader in (store, again(store)):
        assert reader.exists("a/key")
        record = reader.read("a/key")
        assert record.result == {"answer": 42}
        assert record.metadata.storage_key == "a/key"
        assert record.serializer == JSONSerializer()
        assert record.expiration == LATER
    assert (tmp_path / "m" / "a" / "key").exists() is apart


def test_what_has_expired_is_not_there(store: ResultStore) -> None:
    store.write(1, key="old", expiration=EARLIER)
    store.write(1, key="new", expiration=LATER.replace(tzinfo=None) + timedelta(days=1))
    assert [again(store).exists(key) for key in ("old", "new")] == [False, True]
    store.read("old")
    assert not store.exists("old")
    apart = ResultStore(
        result_storage=store.result_storage, metadata_storage=f"memory://{id(store)}"
    )
    apart.write(1, key="old", expiration=EARLIER)
    assert not apart.exists("old")


def test_each_reader_has_a_copy_of_its_own(store: ResultStore) -> None:
    store.write([1], key="list")
    store.read("list").result.append(2)
    assert store.read("list").result == [1]


def test_a_result_that_is_written_again_is_read_anew(store: ResultStore) -> None:
    store.write(1, key="k")
    assert store.read("k").result == 1
    store.write(2, key="k")
    assert store.read("k").result == 2


def test_what_is_remembered_is_not_asked_for_again_unless_that_is_wanted(tmp_path: Path) -> None:
    for remembers in (True, False):
        store = ResultStore(result_storage=tmp_path, cache_result_in_memory=remembers)
        store.write(1, key="k")
        store.read("k")
        store.result_storage.remove("k")
        assert store.exists("k") is remembers


def test_a_record_can_be_made_before_it_is_stored(store: ResultStore) -> None:
    record = store.create_result_record({1: "one"}, expiration=LATER)
    assert not store.exists(record.metadata.storage_key)
    assert record.serialize_result() == b'{"1": "one"}'
    store.persist_result_record(record)
    assert again(store).read(record.metadata.storage_key).result == {"1": "one"}
    named = ResultStore(result_storage=store.result_storage, storage_key_fn=lambda: "named")
    assert named.create_result_record(1).metadata.storage_key == "named"
    own = ResultRecord(result=1, metadata=ResultRecordMetadata(serializer=PickleSerializer()))
    store.persist_result_record(own)
    assert again(store).read(own.metadata.storage_key).serializer == PickleSerializer()


def test_what_cannot_be_serialised_leaves_what_was_there(store: ResultStore) -> None:
    store.write(1, key="k")
    with pytest.raises(SerializationError):
        store.write(threading.Lock(), key="k")
    assert again(store).read("k").result == 1


def test_damage_is_told(store: ResultStore, tmp_path: Path) -> None:
    store.write([1], key="k")
    (tmp_path / "results" / "k").write_bytes(b"other")
    for look in (again(store).read, again(store).exists):
        with pytest.raises(CorruptResult, match="results/k"):
            look("k")
    apart = ResultStore(result_storage=tmp_path / "r", metadata_storage=tmp_path / "m")
    apart.write(1, key="k")
    (tmp_path / "m" / "k").write_bytes(b"{}")
    with pytest.raises(CorruptResult, match="m/k"):
        again(apart).read("k")


def test_two_storages_in_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the same place"):
        ResultStore(result_storage=tmp_path, metadata_storage=tmp_path)


def test_the_async_twins_do_the_same(tmp_path: Path) -> None:
    async def use() -> None:
        MemoryLockManager.forget()
        store = ResultStore(result_storage=tmp_path, lock_manager=MemoryLockManager())
        assert await store.aacquire_lock("k")
        await store.awrite({"a": 1}, key="k")
        await store.apersist_result_record(store.create_result_record(2, key="k"))
        assert await store.aexists("k")
        assert (await store.aread("k")).result == 2
        assert not await store.await_for_lock("k", timeout=0)
        other = asyncio.create_task(store.aread("k"))
        assert not await asyncio.create_task(store.aacquire_lock("k", timeout=0))
        store.release_lock("k")
        assert (await other).result == 2

    asyncio.run(use())


def test_a_lock_keeps_others_out(tmp_path: Path) -> None:
    MemoryLockManager.forget()
    store = ResultStore(result_storage=tmp_path, lock_manager=MemoryLockManager())
    store.write(1, key="k")
    assert store.acquire_lock("k", "me")
    assert store.is_locked("k")
    assert store.is_lock_holder("k", "me")
    assert not store.is_lock_holder("k")
    assert not store.acquire_lock("k", timeout=0)
    assert not store.wait_for_lock("k", timeout=0)
    with pytest.raises(RuntimeError, match="another holder has its lock"):
        store.write(2, key="k", holder="you")
    store.write(2, key="k", holder="me")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(store.read, "k", "you")
        store.write(3, key="k", holder="me")
        store.release_lock("k", "me")
        assert reading.result().result == 3


def test_without_a_lock_manager_locks_are_an_error_that_names_one(store: ResultStore) -> None:
    with pytest.raises(ConfigurationError, match=r"lock_manager=MemoryLockManager\(\)"):
        store.acquire_lock("k")
    assert store.supports_isolation_level(IsolationLevel.READ_COMMITTED)
    assert not store.supports_isolation_level(IsolationLevel.SERIALIZABLE)
    locking = ResultStore(result_storage=store.result_storage, lock_manager=MemoryLockManager())
    assert locking.supports_isolation_level(IsolationLevel.SERIALIZABLE)


def test_transactions_use_it(tmp_path: Path) -> None:
    MemoryLockManager.forget()
    store = ResultStore(result_storage=tmp_path, lock_manager=MemoryLockManager())
    level = IsolationLevel.SERIALIZABLE
    with transaction(key="k", store=store, isolation_level=level) as first:
        assert not first.is_committed()
        assert store.is_locked("k")
        first.stage({"made": 1})
    assert not store.is_locked("k")
    with transaction(key="k", store=again(store)) as second:
        assert second.is_committed()
        assert second.read().result == {"made": 1}


# ---- what holds where nothing is said ------------------------------------------------------------


def test_a_run_s_store_has_the_options_of_its_task_and_flow(tmp_path: Path) -> None:
    @task(
        result_serializer="json",
        cache_policy=INPUTS.configure(key_storage=tmp_path / "keys"),
        cache_result_in_memory=False,
    )
    def inner() -> tuple[Any, ...]:
        found = get_result_store()
        assert found.metadata_storage is not None
        return (
            found.result_storage.root,
            found.metadata_storage.root,
            found.serializer.type,
            found.cache_result_in_memory,
            should_persist_result(),
        )

    @flow(result_storage=tmp_path / "results", result_serializer="compressed/json")
    def outer() -> tuple[Any, ...]:
        found = get_result_store()
        return (found.serializer.type, found.result_storage.root, should_persist_result(), inner())

    results, keys = str(tmp_path / "results"), str(tmp_path / "keys")
    assert outer() == ("compressed", results, True, (results, keys, "json", False, True))


def test_outside_of_runs_the_settings_say(tmp_path: Path) -> None:
    where = {"RESULTS_DEFAULT_STORAGE": str(tmp_path), "RESULTS_DEFAULT_SERIALIZER": "json"}
    with temporary_settings(where):
        assert get_default_result_storage().root == str(tmp_path)
        assert asyncio.run(aget_default_result_storage()).root == str(tmp_path)
        assert get_default_result_serializer() == JSONSerializer()
        found = get_result_store()
        assert (found.result_storage.root, found.serializer) == (str(tmp_path), JSONSerializer())
    for asked in (True, False):
        with temporary_settings({"RESULTS_PERSIST_BY_DEFAULT": asked}):
            assert should_persist_result() is get_default_persist_setting() is asked
            assert get_default_persist_setting_for_tasks() is asked
            with temporary_settings({"TASKS_DEFAULT_PERSIST_RESULT": not asked}):
                assert get_default_persist_setting_for_tasks() is not asked
    assert resolve_result_storage("s3://bucket/p").root == "s3://bucket/p"
    assert asyncio.run(aresolve_result_storage("s3://bucket/p")).root == "s3://bucket/p"
    assert resolve_serializer("json") == JSONSerializer()
