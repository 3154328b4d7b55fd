"""What a process asks of its server: to take records, and to carry out operations."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

import msgspec
from msgspec import Struct

from legato._backend.saying import say
from legato._client.link import Around, Link, Response
from legato._client.patience import told
from legato._model import parcels
from legato._model.errors import Error, Hole, ServerAway, ServerRefused, StoreBusy, StoreError
from legato._model.operations import native
from legato._model.operations.spec import Operation
from legato._model.operations.writers import ReadWriter
from legato._model.parcels import Parcel
from legato._model.records import Batch, BatchAnswer, Skipped, Writer

_FILLER = 5000  # records that are given up at once
_LET_IN = frozenset({401, 403, 421})
_ABOUT_RECORDS = frozenset({400, 413, 422, 500})
_BUSY = frozenset({408, 425, 429, 502, 503, 504})


class _Said(Struct):
    """What a server says that refuses."""

    detail: object = None
    exception_message: object = None


def asked(operation: Operation, key: str | None) -> tuple[str, bytes, dict[str, str]]:
    """Return path, body and headers of the request for an operation."""
    headers = {"Content-Type": native.MEDIA_TYPE}
    if key is not None:
        headers["Idempotency-Key"] = key
    return native.PATH + operation.spec.id, native.encoded(operation), headers


class Server:
    """Legato's server, at the other end of a link."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def carry_out(
        self, operation: Operation, around: Around = nullcontext, key: str | None = None
    ) -> Any:
        """Carry out an operation; raise the error that it raises there, or a StoreError.

        `around` makes the block in which the request can be broken off. What is sent again under
        the same `key` is done once. StoreBusy: try again.
        """
        return self.answer(type(operation), self.link.post(*asked(operation, key), around))

    def answer(self, kind: type[Operation], answer: Response) -> Any:
        """Return what a server answered to an operation, or raise it."""
        if answer.status != 200:
            error = self._error(answer)
            if type(error) is StoreError:  # another server may have a better database, or this soon
                error = StoreBusy(str(error))
            if isinstance(error, StoreBusy):
                error.retry_after = told(answer.headers.get("retry-after"), time.time())
            raise error if isinstance(error, Error) else StoreError(str(error))
        try:
            return native.answer_in(kind, answer.body)
        except ValueError as error:
            raise self._no_legato(answer) from error

    def last_seq(self, writer: Writer) -> int:
        """Return the number of the last record that was taken of a writer; 0: none was."""
        found: int = self.carry_out(ReadWriter(writer_id=writer.id))
        return found

    def take(self, writer: Writer, batch: Batch) -> BatchAnswer:
        """Have records stored; return the answers of the proposals.

        Raises StoreError if that is not possible now, another error for records that it never will.
        """
        whole = BatchAnswer(batch.first_seq - 1)
        for part in parcels.parts(batch.records) if batch.records else ():
            parcel = Parcel(
                writer=writer, first_seq=whole.last_seq + 1, records=part, urgent=batch.acked
            )
            _add(whole, self._send(parcel), parcel.first_seq - batch.first_seq)
        return whole

    def _send(self, parcel: Parcel) -> BatchAnswer:
        try:
            return self._sent(parcel)
        except Hole as hole:
            self._fill(parcel.writer, hole.expected, parcel.first_seq)
        return self._sent(parcel)

    def _sent(self, parcel: Parcel) -> BatchAnswer:
        wrapped = parcels.wrapped(parcel)
        headers = {"Content-Type": parcels.MEDIA_TYPE}
        if wrapped.encoding is not None:
            headers["Content-Encoding"] = wrapped.encoding
        answer = self.link.post("/journal", wrapped.body, headers)
        if answer.status != 200:
            raise self._error(answer)
        try:
            return parcels.answer_in(answer.body)
        except ValueError as error:  # such servers answer whatever they are asked
            raise self._no_legato(answer) from error

    def _fill(self, writer: Writer, first: int, end: int) -> None:
        """Give up records that the server once had and has no more; go on behind them."""
        say(f"the server at {self.link.url} has lost the records {first} to {end - 1}.")
        filler = parcels.parts([Skipped()])[0]
        while first < end:
            count = min(_FILLER, end - first)
            self._sent(Parcel(writer=writer, first_seq=first, records=filler * count))
            first += count

    def _error(self, answer: Response) -> Exception:
        """Return what an answer other than 200 means."""
        said = native.error_in(answer.body)
        if said is not None:
            return said
        where, detail = self.link.url, _detail(answer.body)
        if answer.status in _LET_IN:
            return ServerRefused(
                f"{where} does not let this process in ({answer.status}: {detail}); "
                "LEGATO_API_AUTH_STRING or LEGATO_API_KEY say who it is."
            )
        if answer.status in _BUSY:
            return ServerAway(f"{where} cannot answer now ({answer.status}: {detail}).")
        if answer.status in _ABOUT_RECORDS:
            return RuntimeError(f"{where} answers {answer.status}: {detail}")
        return self._no_legato(answer)

    def _no_legato(self, answer: Response) -> ServerRefused:
        return ServerRefused(
            f"No server of Legato answers at {self.link.url} ({answer.status}); LEGATO_API_URL "
            "must be the address of its API, such as http://127.0.0.1:4200/api."
        )

    def is_legatos(self) -> bool:
        """Tell whether a server of Legato answers; raise ServerAway if nobody does.

        It says so itself, also to whom it does not let in: others answer 200 or 401, too.
        """
        answer = self.link.get("/admin/legato-version")
        is_marked = native.MARK.lower() in answer.headers
        if answer.status in _BUSY and not is_marked:  # who stands before it answers
            raise self._error(answer)
        return is_marked


def _add(whole: BatchAnswer, part: BatchAnswer, offset: int) -> None:
    whole.last_seq = part.last_seq
    whole.answers |= {index + offset: answer for index, answer in part.answers.items()}
    whole.fenced += part.fenced
    whole.quarantined += part.quarantined


def _detail(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body[:200].decode(errors="replace")
    return str(said.detail or said.exception_message)[:200]
