"""Results too large for a record, in parts on their way to a server and back.

Each part is a request of its own, with its checksum, and may be sent again; neither side ever has
more than one of them in memory beside the result itself.
"""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import UUID

from legato._model.errors import ObjectNotFound, ServerAway, StoreError
from legato._model.operations.results import PutResultPart, ReadResultPart
from legato._model.results import PART_BYTES, UPLOADED, Result
from legato._sdk import waits
from legato._sdk.exceptions import MissingResult

if TYPE_CHECKING:
    from legato._backend.port import Backend

TRIES = 3
PAUSE_SECONDS = 0.5


def put(backend: Backend, result_id: UUID, blob: bytes) -> str | None:
    """Upload a result and return its location; None: the server does not take it now."""
    upload_id = backend.ids.new()
    whole = memoryview(blob)
    try:
        for number, start in enumerate(range(0, len(blob), PART_BYTES)):
            body = bytes(whole[start : start + PART_BYTES])
            part = PutResultPart(
                result_id=result_id,
                number=number,
                upload_id=upload_id,
                body=body,
                sha256=sha256(body).digest(),
            )
            _send(backend, part)
    except StoreError:
        return None
    return f"{UPLOADED}{upload_id.hex}"


def _send(backend: Backend, part: PutResultPart) -> None:
    """Send a part; again if no answer comes, as it may have arrived."""
    for left in reversed(range(TRIES)):
        try:
            backend.send(part)
        except ServerAway:
            if not left:
                raise
            waits.sleep(PAUSE_SECONDS)
        else:
            return


def get(backend: Backend, found: Result) -> bytes:
    """Return the bytes of an uploaded result; raise MissingResult."""
    upload_id = UUID(hex=(found.location or "").removeprefix(UPLOADED))
    whole = BytesIO()
    for number in range(-(-found.size // PART_BYTES)):
        asked = ReadResultPart(result_id=found.id, number=number, upload_id=upload_id)
        try:
            whole.write(backend.send(asked))
        except ObjectNotFound as error:
            raise MissingResult(f"The result {found.id} is not whole. {error}") from None
    return whole.getvalue()
