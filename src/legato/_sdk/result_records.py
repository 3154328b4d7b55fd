"""A result with what is recorded about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from legato._sdk.exceptions import CorruptResult
from legato._sdk.result_objects import Header
from legato._sdk.serializers import Serializer, name_of, serializer_of
from legato._settings.current import current as settings


def default_serializer() -> Serializer:
    """Return the serializer for who names none."""
    return serializer_of(settings().results_default_serializer)


class _Form(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands in a storage for metadata."""

    storage_key: str
    serializer: str
    expiration: datetime | None = None


@dataclass(kw_only=True)
class ResultRecordMetadata:
    """Where a result is, how it was serialised, and until when it holds."""

    storage_key: str = field(default_factory=lambda: uuid4().hex)
    expiration: datetime | None = None
    serializer: Serializer = field(default_factory=default_serializer)

    def __post_init__(self) -> None:
        self.serializer = serializer_of(self.serializer)
        if self.expiration is not None:
            self.expiration = self.expiration.astimezone(UTC)

    def dump_bytes(self) -> bytes:
        """Return the metadata as text."""
        return msgspec.json.encode(
            _Form(
                storage_key=self.storage_key,
                serializer=name_of(self.serializer),
                expiration=self.expiration,
            )
        )

    @classmethod
    def load_bytes(cls, data: bytes, location: str = "The metadata") -> ResultRecordMetadata:
        """Return what `dump_bytes` made text of; raise CorruptResult."""
        try:
            form = msgspec.json.decode(data, type=_Form)
        except msgspec.MsgspecError as error:
            raise CorruptResult(f"{location} cannot be read: {error}.") from None
        return cls(
            storage_key=form.storage_key,
            expiration=form.expiration,
            serializer=serializer_of(form.serializer),
        )


@dataclass(kw_only=True)
class ResultRecord:
    """A result, and what is recorded about it."""

    metadata: ResultRecordMetadata = field(default_factory=ResultRecordMetadata)
    result: Any

    @property
    def expiration(self) -> datetime | None:
        """Until when the result holds; None: for ever."""
        return self.metadata.expiration

    @property
    def serializer(self) -> Serializer:
        """What makes bytes of the result."""
        return self.metadata.serializer

    def under(self, key: str) -> ResultRecord:
        """Return the record for another key."""
        return replace(self, metadata=replace(self.metadata, storage_key=key))

    def serialize_result(self) -> bytes:
        """Return the result as bytes; raise SerializationError."""
        return self.serializer.dumps(self.result)


def record_of(header: Header, payload: bytes, key: str) -> ResultRecord:
    """Return the record of a stored object; its result is a copy of its own each time."""
    serializer = serializer_of(header.serializer)
    metadata = ResultRecordMetadata(
        storage_key=key, expiration=header.expires_at, serializer=serializer
    )
    return ResultRecord(metadata=metadata, result=serializer.loads(payload))
