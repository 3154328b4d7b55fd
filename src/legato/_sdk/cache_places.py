"""Caches in storages that a task's options name: who has the storage finds what lies under a key.

The result lies under its key in `result_storage`. With the `key_storage` of a policy a small record
lies there instead, which says under which name the result is, and until when it holds.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from legato._sdk.exceptions import ConfigurationError, NotStored
from legato._sdk.result_objects import Expired, Header, load, load_fresh, save
from legato._sdk.result_records import ResultRecordMetadata
from legato._sdk.results import Address, chosen, own_key, serializer_for
from legato._sdk.serializers import name_of, serializer_of
from legato._sdk.storage import Storage, checked_key, storage_of

if TYPE_CHECKING:
    from pathlib import Path

    from legato._sdk.context import TaskRunContext
    from legato._sdk.task import Task

LONGEST_NAME = 200  # bytes between two slashes; file systems end at 255


class Found(Struct, frozen=True):
    """A cached result: where it lies, what its first line says, its bytes."""

    location: str
    header: Header
    payload: bytes


class Place(Struct, frozen=True):
    """Where a task's cached results lie."""

    results: Storage
    records: Storage | None = None

    def find(self, key: str, now: datetime) -> Found | None:
        """Return what lies under a cache key.

        Raises Expired, CorruptResult, NotStored for a record whose result is gone, StorageError.
        """
        name = address(key)
        try:
            at = name if self.records is None else _record(self.records, name, now)
            if at is None:
                return None
            found = load_fresh(self.results, at, now)
        except NotStored:
            if self.records is not None:
                raise
            return None
        return Found(self.results.location(at), *found)

    def record(self, key: str, at: str, serializer: str, expires_at: datetime | None) -> None:
        """Say in the key storage, if there is one, under which name the result of a key lies."""
        if self.records is None:
            return
        record = ResultRecordMetadata(
            storage_key=at, serializer=serializer_of(serializer), expiration=expires_at
        )
        self.records.write(address(key), record.dump_bytes())


class Spot:
    """Where one result of a task is stored, and then found under its cache key.

    A `staged` one is found once it is published; until then it has a name of its own.
    """

    def __init__(
        self,
        place: Place,
        task: Task[Any, Any],
        context: TaskRunContext,
        *,
        key: str,
        expires_at: datetime | None,
        staged: bool,
    ) -> None:
        self._place, self._task, self._context = place, task, context
        self._key, self._expires_at, self._staged = key, expires_at, staged
        self.address: Address | None = None
        """Where to store it; None: where the task's own key says."""
        if task.options.result_storage_key is None:
            name = context.id.hex if staged else address(key)
            self.address = Address(storage=place.results, key=name, expires_at=expires_at)

    def publish(self) -> None:
        """Have others find the result, which is stored; raise StorageError."""
        place, options = self._place, self._task.options
        name = own_key(options.result_storage_key, self._context)
        if name is None:
            name = address(self._key)
            if self._staged:
                self._copy(place.results, self._context.id.hex, name)
        place.record(
            self._key, name, name_of(serializer_for(self._task, self._context)), self._expires_at
        )

    def _copy(self, storage: Storage, staged: str, name: str) -> None:
        header, payload = load(storage, staged)
        save(
            storage,
            name,
            payload,
            serializer=header.serializer,
            created_at=header.created_at,
            expires_at=header.expires_at,
        )


def place_of(task: Task[Any, Any], context: TaskRunContext, default: Path) -> Place | None:
    """Return where a task's results are cached in a run; None: in the database."""
    policy, storage = task.cache_policy, chosen(task, context, "result_storage")
    keys = None if policy is None else policy.key_storage
    if keys is None and (storage is None or task.options.result_storage_key is not None):
        return None
    results = storage_of(storage, default)
    records = None if keys is None else storage_of(keys, default, "key_storage")
    return Place(results, None if records is None or records.root == results.root else records)


def address(key: str) -> str:
    """Return the name under which a key lies in a storage: itself, or its hash if it is no name."""
    with suppress(ConfigurationError, UnicodeEncodeError):
        longest = max(len(part.encode()) for part in key.split("/"))
        if longest <= LONGEST_NAME and checked_key(key) == key:
            return key
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _record(storage: Storage, name: str, now: datetime) -> str | None:
    """Return the name of the result that a record speaks of; None: there is no record."""
    try:
        blob = storage.read(name)
    except NotStored:
        return None
    record = ResultRecordMetadata.load_bytes(blob, storage.location(name))
    if record.expiration is not None and record.expiration <= now:
        raise Expired
    return record.storage_key
