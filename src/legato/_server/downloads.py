"""Answers that are sent in parts, as they are too long for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse

from legato._model.operations.logs import DownloadLogs, LogPart
from legato._server.control import Control

CSV = "text/csv; charset=utf-8"


async def logs(control: Control, asked: DownloadLogs) -> Response:
    """Return the log lines of a flow run as a file; raises what the operation raises."""
    first: LogPart
    first, _ = await control.send(asked)
    name = quote(first.file, safe="")
    disposition = f"attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''{name}"
    return StreamingResponse(
        _parts(control, asked, first),
        media_type=CSV,
        headers={"Content-Disposition": disposition},
    )


async def _parts(control: Control, asked: DownloadLogs, part: LogPart) -> AsyncIterator[str]:
    yield part.text
    while part.after is not None:
        part, _ = await control.send(replace(asked, after=part.after))
        yield part.text
