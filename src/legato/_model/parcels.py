"""A batch of the journal on its way to a server: MessagePack, compressed by gzip if it is long.

Each record is packed by itself, so that one which the receiver cannot read takes no other along.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from legato._model.errors import InvalidRequest
from legato._model.packing import packed, unpacked
from legato._model.records import BatchAnswer, Record, Unreadable, Writer

MEDIA_TYPE = "application/vnd.msgpack"
MAX_BYTES = 16 * 1024 * 1024
"""How long a parcel may be before it is compressed."""
PART_BYTES = 4 * 1024 * 1024
"""How long one becomes before what follows goes into the next."""
_WORTH_BYTES = 1024
_GZIP = 31  # zlib's number for its format
_LEVEL = 1


class Parcel(Struct, kw_only=True):
    """Records of a writer, numbered from `first_seq` on.

    `urgent`: somebody waits for the answer of a proposal.
    """

    writer: Writer
    first_seq: int
    records: list[bytes]
    urgent: bool = False


class Wrapped(Struct, frozen=True):
    """The body of a request; `encoding` is what its header Content-Encoding says."""

    body: bytes
    encoding: str | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Parcel)
_answers = msgspec.msgpack.Decoder(BatchAnswer)


def parts(records: Sequence[Record]) -> list[list[bytes]]:
    """Pack records into lists that are short enough for one parcel each.

    Raises TypeError or ValueError on a record that cannot be packed.
    """
    found: list[list[bytes]] = [[]]
    size = 0
    for record in records:
        body = packed(record)
        if size and size + len(body) > PART_BYTES:
            found.append([])
            size = 0
        found[-1].append(body)
        size += len(body)
    return found


def wrapped(parcel: Parcel) -> Wrapped:
    """Return a parcel as it is sent; raise ValueError if it is too long."""
    body = _encoder.encode(parcel)
    if len(body) > MAX_BYTES:
        raise ValueError(f"The record has {len(body)} bytes; a server takes at most {MAX_BYTES}.")
    if len(body) < _WORTH_BYTES:
        return Wrapped(body, None)
    return Wrapped(zlib.compress(body, _LEVEL, _GZIP), "gzip")


def unwrapped(body: bytes, encoding: str | None) -> Parcel:
    """Return the parcel that was sent; raise InvalidRequest."""
    if encoding not in (None, "", "identity", "gzip"):
        raise InvalidRequest(f"Content-Encoding: gzip is known, not {encoding[:40]!r}.")
    plain = _expanded(body) if encoding == "gzip" else body
    try:
        parcel = _decoder.decode(plain)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"The body is no parcel of records: {error}.") from None
    if parcel.first_seq < 1:
        raise InvalidRequest(f"first_seq: Records are numbered from 1, not {parcel.first_seq}.")
    if parcel.first_seq + len(parcel.records) > 2**63:
        raise InvalidRequest(f"first_seq: There is no record {parcel.first_seq}.")
    return parcel


def plain_bytes(body: bytes, encoding: str | None) -> int:
    """Return how long a parcel says that it is, which is never expanded beyond that."""
    return int.from_bytes(body[-4:], "little") if encoding == "gzip" else len(body)


def _expanded(body: bytes) -> bytes:
    longest = min(plain_bytes(body, "gzip"), MAX_BYTES)
    expander = zlib.decompressobj(_GZIP)
    try:
        plain = expander.decompress(body, longest + 1)
    except zlib.error as error:
        raise InvalidRequest(f"The body is not gzip: {error}.") from None
    if len(plain) > longest or expander.unconsumed_tail:
        raise InvalidRequest(f"The parcel is longer than it says, or than {MAX_BYTES} bytes.")
    if not expander.eof:
        raise InvalidRequest("The body ends in the middle of what gzip has made.")
    return plain


def record(body: bytes) -> Record:
    """Return a record, or what stands for one that cannot be read."""
    try:
        return unpacked(body)
    except (ValueError, RecursionError) as error:
        return Unreadable(body, str(error))


def answered(answer: BatchAnswer) -> bytes:
    """Return an answer as it is sent."""
    return _encoder.encode(answer)


def answer_in(body: bytes) -> BatchAnswer:
    """Return the answer that was sent; raise ValueError."""
    return _answers.decode(body)
