"""Records as bytes, for a file that only Legato reads.

MessagePack, but for what it cannot hold: lone surrogates and numbers of more than 64 bits are
written as JSON is by the standard library. The first byte tells one from the other.
"""

from __future__ import annotations

import json

import msgspec

from legato._model.records import Record

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)
_short_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_parts = msgspec.msgpack.Decoder(list[msgspec.Raw])
_BRACE = b"{"


def packed(record: Record) -> bytes:
    """Encode a record; raises TypeError or ValueError on one that cannot be encoded."""
    try:
        return _encoder.encode(record)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(msgspec.to_builtins(record)).encode()


def unpacked(body: bytes) -> Record:
    """Decode a record; raises ValueError on what is none."""
    if body[:1] == _BRACE:
        found: Record = msgspec.convert(json.loads(body), Record)
        return found
    return _decoder.decode(body)


def packed_all(records: list[Record]) -> bytes:
    """Encode records together; raises TypeError or ValueError if one of them cannot be."""
    return _short_encoder.encode(records)


def unpacked_all(body: bytes) -> list[bytes]:
    """Return the bodies of records that were encoded together: one that is bad spoils no other."""
    return [bytes(part) for part in _parts.decode(body)]
