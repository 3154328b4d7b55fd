"""What a process does without its server: whether it may begin, and how that is seen later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from legato._model.errors import ServerAway, ServerRefused, StoreError
from legato._model.records import FlowRunProposed, Record
from legato._settings.notices import warn_once
from legato._settings.reading import is_prefects
from legato._settings.table import API_URL
from legato._store.spool import SpoolFile

if TYPE_CHECKING:
    from legato._backend.server_side import Server

LABEL = "legato.offline"
"""The label of runs that began while their server could not be reached."""
_PAUSE = 0.1


class OfflineSpool(SpoolFile):
    """The spool of a process whose server is away."""

    def put(self, first_seq: int, records: Sequence[Record], acked: bool) -> int:
        """Keep records; runs that begin now are marked."""
        for record in records:
            if type(record) is FlowRunProposed:
                record.run.labels = {**record.run.labels, LABEL: True}
        return super().put(first_seq, records, acked)


def may_use(server: Server, home: str, seconds: float) -> bool:
    """Tell whether a server is Legato's, if only PREFECT_API_URL names it: it may be Prefect's."""
    if not is_prefects(API_URL):
        return True
    url = server.link.url
    try:
        if _asked(server, seconds):
            return True
        why = "whose server is not one of Legato"
    except ServerAway as error:
        why = f"where no server answers: {error}"
    warn_once(
        f"PREFECT_API_URL names {url}, {why.rstrip('.')}. Runs are recorded in {home}; set "
        "LEGATO_API_URL to have them recorded by a server of Legato, also later if it is away now."
    )
    return False


def require(server: Server, seconds: float) -> None:
    """Raise StoreError unless a server of Legato answers within so many seconds."""
    try:
        if _asked(server, seconds):
            return
    except ServerAway as error:
        raise ServerAway(
            f"{error} No run may begin without the server, as LEGATO_OFFLINE is 'refuse'; with "
            "'allow' its records wait in the home until the server answers."
        ) from error
    raise ServerRefused(f"No server of Legato answers at {server.link.url}.")


def _asked(server: Server, seconds: float) -> bool:
    """Ask whether a server is Legato's until it answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            return server.is_legatos()
        except StoreError:
            if time.monotonic() + _PAUSE > end:
                raise
        time.sleep(_PAUSE)
