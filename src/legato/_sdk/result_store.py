"""Results under keys of the user's choice, in a storage, with locks if they are asked for."""

from __future__ import annotations

import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from legato._sdk import parking, result_defaults
from legato._sdk.exceptions import ConfigurationError, NotStored
from legato._sdk.isolation import IsolationLevel
from legato._sdk.locking import LockManager
from legato._sdk.result_objects import Header, load, load_header, save
from legato._sdk.result_records import ResultRecord, ResultRecordMetadata, record_of
from legato._sdk.serializers import Serializer, name_of, serializer_of
from legato._sdk.storage import Storage

if TYPE_CHECKING:
    from legato._sdk.cache_policies import CachePolicy
    from legato._sdk.flow import Flow
    from legato._sdk.task import Task

T = TypeVar("T")
REMEMBERED = 1000
LARGEST_REMEMBERED_BYTES = 1024 * 1024


class ResultStore:
    """Keeps results under keys.

    Without `result_storage` it is the default one. With a `metadata_storage` what is known about a
    result lies there, and the result itself in `result_storage`. A `lock_manager` is needed for
    transactions that exclude each other. What was written or read is remembered as bytes, so each
    read gives a copy of its own; `cache_result_in_memory=False` asks the storage each time.

        >>> from tempfile import mkdtemp
        >>> from legato.results import ResultStore
        >>> store = ResultStore(result_storage=mkdtemp(), serializer="json")
        >>> store.write([1, 2], key="numbers")
        >>> store.exists("numbers"), store.read("numbers").result
        (True, [1, 2])
    """

    def __init__(
        self,
        *,
        result_storage: object = None,
        metadata_storage: object = None,
        lock_manager: LockManager | None = None,
        cache_result_in_memory: bool = True,
        serializer: object = None,
        storage_key_fn: Callable[[], str] | None = None,
    ) -> None:
        resolve = result_defaults.resolve_result_storage
        self.result_storage: Storage = resolve(result_storage)
        self.metadata_storage: Storage | None = None
        if metadata_storage is not None:
            self.metadata_storage = resolve(metadata_storage)
            if self.metadata_storage.root == self.result_storage.root:
                raise ConfigurationError(
                    "metadata_storage and result_storage are the same place, "
                    f"{self.result_storage.root}: leave metadata_storage away, or name another."
                )
        self.lock_manager = lock_manager
        self.cache_result_in_memory = cache_result_in_memory
        self.serializer: Serializer = (
            result_defaults.get_default_result_serializer()
            if serializer is None
            else serializer_of(serializer)
        )
        self.storage_key_fn = storage_key_fn
        self._remembered: OrderedDict[str, tuple[Header, bytes]] = OrderedDict()

    def update_for_flow(self, flow: Flow[Any, Any]) -> ResultStore:
        """Return a store with the options of a flow, where it has some."""
        return self._with(flow, None)

    async def aupdate_for_flow(self, flow: Flow[Any, Any]) -> ResultStore:
        """Return what `update_for_flow` does."""
        return self.update_for_flow(flow)

    def update_for_task(self, task: Task[Any, Any]) -> ResultStore:
        """Return a store with the options of a task and its cache policy, where it has some."""
        return self._with(task, task.cache_policy)

    async def aupdate_for_task(self, task: Task[Any, Any]) -> ResultStore:
        """Return what `update_for_task` does."""
        return self.update_for_task(task)

    def _with(
        self, decorated: Flow[Any, Any] | Task[Any, Any], policy: CachePolicy | None
    ) -> ResultStore:
        given = decorated.options
        resolve = result_defaults.resolve_result_storage
        results = resolve(given.result_storage or self.result_storage)
        records = self.metadata_storage
        if policy is not None and policy.key_storage is not None:
            records = resolve(policy.key_storage)
        return ResultStore(
            result_storage=results,
            metadata_storage=None if records is None or records.root == results.root else records,
            lock_manager=(policy and policy.lock_manager) or self.lock_manager,
            cache_result_in_memory=decorated.cache_result_in_memory,
            serializer=given.result_serializer or self.serializer,
            storage_key_fn=self.storage_key_fn,
        )

    # ---- records --------------------------------------------------------------------------------

    def exists(self, key: str) -> bool:
        """Tell whether there is a result that has not expired."""
        now = datetime.now(UTC)
        known = self._recall(key)
        try:
            if known is not None:
                return not known[0].has_expired(now)
            if self.metadata_storage is None:
                return not load_header(self.result_storage, key).has_expired(now)
            until = self._metadata(self.metadata_storage, key).expiration
        except NotStored:
            return False
        return until is None or until > now

    async def aexists(self, key: str) -> bool:
        """Tell what `exists` does."""
        return await _aside(self.exists, key)

    def read(self, key: str, holder: str | None = None) -> ResultRecord:
        """Return a record, once nobody else holds its lock; raise NotStored."""
        if self.lock_manager is not None and not self.is_lock_holder(key, holder):
            self.wait_for_lock(key)
        return self._read(key)

    async def aread(self, key: str, holder: str | None = None) -> ResultRecord:
        """Return what `read` does."""
        if self.lock_manager is not None and not self.is_lock_holder(key, holder):
            await self.await_for_lock(key)
        return await _aside(self._read, key)

    def create_result_record(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None
    ) -> ResultRecord:
        """Return a record of a result, which is not stored yet."""
        metadata = ResultRecordMetadata(serializer=self.serializer, expiration=expiration)
        if key is not None:
            metadata.storage_key = key
        elif self.storage_key_fn is not None:
            metadata.storage_key = self.storage_key_fn()
        return ResultRecord(metadata=metadata, result=obj)

    def write(
        self,
        obj: Any,
        key: str | None = None,
        expiration: datetime | None = None,
        holder: str | None = None,
    ) -> None:
        """Store a result; raise RuntimeError while somebody else holds the lock on its key."""
        self.persist_result_record(self.create_result_record(obj, key, expiration), holder)

    async def awrite(
        self,
        obj: Any,
        key: str | None = None,
        expiration: datetime | None = None,
        holder: str | None = None,
    ) -> None:
        """Store as `write` does."""
        await _aside(self.write, obj, key, expiration, holder or self._holder(None))

    def persist_result_record(self, result_record: ResultRecord, holder: str | None = None) -> None:
        """Store a record; raise RuntimeError while somebody else holds the lock on its key."""
        metadata, key = result_record.metadata, result_record.metadata.storage_key
        self._refuse_others(key, holder)
        save(
            self.result_storage,
            key,
            result_record.serialize_result(),
            serializer=name_of(metadata.serializer),
            created_at=datetime.now(UTC),
            expires_at=metadata.expiration,
        )
        if self.metadata_storage is not None:
            # Last: who finds it finds the result.
            self.metadata_storage.write(key, metadata.dump_bytes())
        self._remembered.pop(key, None)

    async def apersist_result_record(
        self, result_record: ResultRecord, holder: str | None = None
    ) -> None:
        """Store as `persist_result_record` does."""
        held_by = holder or self._holder(None)
        await _aside(self.persist_result_record, result_record, held_by)

    def _read(self, key: str) -> ResultRecord:
        at = key
        if self.metadata_storage is not None:
            at = self._metadata(self.metadata_storage, key).storage_key
        found = self._recall(key) or load(self.result_storage, at)
        self._remember(key, *found)
        return record_of(*found, key)

    def _metadata(self, storage: Storage, key: str) -> ResultRecordMetadata:
        return ResultRecordMetadata.load_bytes(storage.read(key), storage.location(key))

    def _recall(self, key: str) -> tuple[Header, bytes] | None:
        return self._remembered.get(key)

    def _remember(self, key: str, header: Header, payload: bytes) -> None:
        if not self.cache_result_in_memory or len(payload) > LARGEST_REMEMBERED_BYTES:
            return
        self._remembered[key] = (header, payload)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    # ---- locks ----------------------------------------------------------------------------------

    def supports_isolation_level(self, level: IsolationLevel) -> bool:
        """Tell whether transactions of this level can be kept apart here."""
        return IsolationLevel(level) is IsolationLevel.READ_COMMITTED or (
            self.lock_manager is not None
        )

    @staticmethod
    def generate_default_holder() -> str:
        """Return what names this thread, or this task of asyncio, among all holders of locks."""
        holder = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        if parking.running_loop() is not None:
            from asyncio import current_task

            holder += f":{id(current_task())}"
        return holder

    def acquire_lock(
        self, key: str, holder: str | None = None, timeout: float | None = None
    ) -> bool:
        """Take the lock on a key; False: it was not free for `timeout` seconds."""
        return self._locks.acquire_lock(key, self._holder(holder), timeout)

    async def aacquire_lock(
        self,
        key: str,
        holder: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - Prefect's parameter
    ) -> bool:
        """Take the lock as `acquire_lock` does."""
        return await self._locks.aacquire_lock(key, self._holder(holder), timeout)

    def release_lock(self, key: str, holder: str | None = None) -> None:
        """Give the lock back; raise ValueError if the holder does not have it."""
        self._locks.release_lock(key, self._holder(holder))

    def is_locked(self, key: str) -> bool:
        """Tell whether anybody holds the lock on a key."""
        return self._locks.is_locked(key)

    def is_lock_holder(self, key: str, holder: str | None = None) -> bool:
        """Tell whether `holder` holds the lock on a key."""
        return self._locks.is_lock_holder(key, self._holder(holder))

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds the lock; False: somebody still did after `timeout` seconds."""
        return self._locks.wait_for_lock(key, timeout)

    async def await_for_lock(
        self,
        key: str,
        timeout: float | None = None,  # noqa: ASYNC109 - Prefect's parameter
    ) -> bool:
        """Wait as `wait_for_lock` does."""
        return await self._locks.await_for_lock(key, timeout)

    def _refuse_others(self, key: str, holder: str | None) -> None:
        if self.lock_manager is None or not self.is_locked(key):
            return
        if not self.is_lock_holder(key, holder):
            raise RuntimeError(
                f"The result {key!r} cannot be written, because another holder has its lock: wait "
                "for it, or give `holder`."
            )

    def _holder(self, given: str | None) -> str:
        return given or self.generate_default_holder()

    @property
    def _locks(self) -> LockManager:
        if self.lock_manager is None:
            raise ConfigurationError(
                "The result store has no lock manager: give it one, such as "
                "ResultStore(lock_manager=MemoryLockManager()) of legato.locking.memory."
            )
        return self.lock_manager


async def _aside(function: Callable[..., T], *arguments: Any) -> T:
    """Call what waits for a disk or a network in a thread."""
    from asyncio import to_thread

    return await to_thread(function, *arguments)
