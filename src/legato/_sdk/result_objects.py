"""A stored object says itself what it is: one line of text about the payload, then the payload.

    legato-result/1 {"serializer":"json","size":2,"sha256":"73475c...","created_at":"..."}
    42

So who has only the storage can read a result, see when it expires without loading it, and tell
whether it is whole.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from legato._sdk.exceptions import CorruptResult

if TYPE_CHECKING:
    from legato._sdk.storage import Storage

FORMAT = b"legato-result/"
VERSION = b"1"
HEADER_MAX_BYTES = 4096
# What the first read fetches: small results come whole with it, for others it is the header.
FIRST_READ_BYTES = 64 * 1024


class Expired(Exception):
    """What lies there has held for as long as it was to."""


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the first line of a stored object says."""

    serializer: str
    size: int
    sha256: str
    created_at: datetime
    expires_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Tell whether the object is there only for who has loaded it already."""
        return self.expires_at is not None and self.expires_at <= now


def pack(
    payload: bytes, *, serializer: str, created_at: datetime, expires_at: datetime | None = None
) -> tuple[bytes, bytes]:
    """Return an object in its two parts, which `Storage.write` takes without joining them."""
    header = Header(
        serializer=serializer,
        size=len(payload),
        sha256=sha256(payload).hexdigest(),
        created_at=created_at,
        expires_at=expires_at,
    )
    line = FORMAT + VERSION + b" " + msgspec.json.encode(header) + b"\n"
    if len(line) > HEADER_MAX_BYTES:
        raise ValueError(f"The name of the serializer is too long: {serializer[:80]!r}...")
    return line, payload


def header_of(blob: bytes, location: str) -> tuple[Header, int]:
    """Return what the first line says, and its length; raise CorruptResult."""
    end = blob.find(b"\n", 0, HEADER_MAX_BYTES)
    mark, _, text = blob[: max(end, 0)].partition(b" ")
    if not mark.startswith(FORMAT):
        raise CorruptResult(
            f"{location} is no stored result: it does not begin as one. Was it written by another "
            "program, or cut off? Remove it, and what it was made by runs again."
        )
    if mark[len(FORMAT) :] != VERSION:
        raise CorruptResult(
            f"{location} was written in the form {mark.decode(errors='replace')!r}, which this "
            "version of Legato does not know: install a newer one."
        )
    try:
        return msgspec.json.decode(text, type=Header), end + 1
    except msgspec.MsgspecError as error:
        raise CorruptResult(f"The first line of {location} cannot be read: {error}.") from None


def unpack(blob: bytes, location: str) -> tuple[Header, bytes]:
    """Return the header and the payload of a whole object; raise CorruptResult if it is not."""
    header, length = header_of(blob, location)
    return header, checked(header, blob[length:], location)


def checked(header: Header, payload: bytes, location: str) -> bytes:
    """Return the payload if it is the one that the header speaks of; else raise CorruptResult."""
    if len(payload) != header.size:
        raise CorruptResult(
            f"{location} is not whole: it has {len(payload)} bytes of {header.size}. Remove it, "
            "and what it was made by runs again."
        )
    if sha256(payload).hexdigest() != header.sha256:
        raise CorruptResult(
            f"{location} was changed after it was written: its checksum is not that of its first "
            "line. Remove it, and what it was made by runs again."
        )
    return payload


def save(
    storage: Storage,
    key: str,
    payload: bytes,
    *,
    serializer: str,
    created_at: datetime,
    expires_at: datetime | None = None,
) -> str:
    """Write an object and return its location; the payload is not copied. Raises StorageError."""
    parts = pack(payload, serializer=serializer, created_at=created_at, expires_at=expires_at)
    return storage.write(key, *parts)


def load(storage: Storage, key: str) -> tuple[Header, bytes]:
    """Read an object; one request for a small one, two for others. Raises StorageError."""
    first, header, length = _begin(storage, key)
    return header, _rest(storage, key, first, header, length)


def load_fresh(storage: Storage, key: str, now: datetime) -> tuple[Header, bytes]:
    """Read an object as `load` does; raise Expired if it has."""
    first, header, length = _begin(storage, key)
    if header.has_expired(now):
        raise Expired
    return header, _rest(storage, key, first, header, length)


def _begin(storage: Storage, key: str) -> tuple[bytes, Header, int]:
    first = storage.read(key, end=FIRST_READ_BYTES)
    return first, *header_of(first, storage.location(key))


def _rest(storage: Storage, key: str, first: bytes, header: Header, length: int) -> bytes:
    if len(first) < FIRST_READ_BYTES:
        payload = first[length:]
    else:
        payload = storage.read(key, length, length + header.size + 1)
    return checked(header, payload, storage.location(key))


def load_header(storage: Storage, key: str) -> Header:
    """Read what an object says about itself, without its payload. Raises StorageError."""
    return header_of(storage.read(key, end=HEADER_MAX_BYTES), storage.location(key))[0]
