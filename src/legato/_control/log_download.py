"""Log lines of a flow run as CSV, in parts that a request each can carry."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from uuid import UUID

from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.operations.logs import DownloadLogs, LogPart
from legato._store import finding
from legato._store.port import Transaction

LINES = 500
HEAD = ("timestamp", "level", "flow_run_id", "task_run_id", "message")


def download(tx: Transaction, now: datetime, request: DownloadLogs) -> LogPart:
    """Return the lines behind a place; raise ObjectNotFound."""
    from legato._store.queries import log_lines

    run = finding.find_flow_run(tx, request.flow_run_id)
    if run is None:
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")
    place = _place(request.after) if request.after else None
    found = log_lines.behind(tx, run.id, place, LINES)
    text = io.StringIO(newline="")
    table = csv.writer(text)
    if place is None:
        table.writerow(HEAD)
    for line in found.lines:
        table.writerow(
            (line.timestamp, line.level, line.flow_run_id, line.task_run_id or "", line.message)
        )
    after = None if len(found.lines) < LINES else _written(found.last)
    return LogPart(file=f"{run.name}-logs.csv", text=text.getvalue(), after=after)


def _written(place: tuple[int, UUID, int] | None) -> str | None:
    return None if place is None else ".".join(map(str, place))


def _place(after: str) -> tuple[int, UUID, int]:
    try:
        at, writer, seq = after.split(".")
        return int(at), UUID(writer), int(seq)
    except ValueError:
        raise InvalidRequest(
            f"after: {after[:80]!r} is not what the part before said; leave it out to begin."
        ) from None
