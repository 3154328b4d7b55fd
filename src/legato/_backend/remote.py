"""The backend of a process whose runs are recorded by a server.

What the server does not take goes to the spool of the home, in the folder of that server; the same
process delivers it when the server answers again, or another one that records there later.
"""

from __future__ import annotations

import contextlib
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from legato._backend.link import Link, identifying
from legato._backend.process import ProcessBackend
from legato._backend.server_side import Server
from legato._model.errors import ObjectNotFound, ServerAway, StoreError
from legato._model.operations.attempts import CloseAttempts
from legato._model.operations.results import FindCached
from legato._model.operations.writers import CloseRest

if TYPE_CHECKING:
    from uuid import UUID

    from legato._backend.spool import Waiting
    from legato._model.operations.spec import Operation
    from legato._model.ports import Clock
    from legato._model.records import Batch, BatchAnswer
    from legato._model.results import Result
    from legato._settings.home import Home
    from legato._settings.table import Settings

PATIENCE_SECONDS = 3.0
"""How long a server that does not answer is waited for before the process goes on without it."""
LOOKS_PER_SECOND = 10
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 0.5


class RemoteBackend(ProcessBackend):
    """Records through the server whose API is at `url`; connects at the first use."""

    def __init__(
        self, home: Home, url: str, settings: Settings, clock: Clock | None = None
    ) -> None:
        there = replace(home, server=folder_of(url))
        super().__init__(there, url, clock)
        self.journal.wait_at_most(PATIENCE_SECONDS)
        self.server = Server(Link(url, identifying(settings)))
        self._left_behind: list[object] = []
        self._has_delivered = False

    def _open(self) -> None:
        self._refuse_retired()

    def send(self, operation: Operation) -> Any:
        """Carry out an operation on what is committed, this process's own records included.

        Raises StoreError while the server cannot be had; a question is asked again for 3 s.
        """
        self._refuse_retired()
        if not (operation.spec.lane == "leases" or operation.spec.at_once):
            self.journal.flush()
        patient = operation.spec.access == "read" and self.journal.failure is None
        return self._carry_out(operation, PATIENCE_SECONDS if patient else 0.0)

    def _carry_out(self, operation: Operation, patience: float) -> Any:
        end, pause = time.monotonic() + patience, _FIRST_PAUSE
        while True:
            try:
                return self.server.carry_out(operation)
            except ServerAway:
                if time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE)

    def changes(self) -> object:
        """Return another value ten times a second: so often may somebody ask the server."""
        return int(time.monotonic() * LOOKS_PER_SECOND)

    def sweep(self) -> None:
        """Leave it to the server."""

    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""
        found: Result | None = self.send(FindCached(cache_key=cache_key))
        return found

    def close_own_runs(self, message: str) -> bool:
        """Close what this process runs as Crashed, from outside of the runs.

        False: something waits in the spool; whoever delivers that closes what is open then.
        """
        self.journal.flush()
        if self.journal.spooled[0]:
            return False
        with contextlib.suppress(ObjectNotFound):  # it has never sent anything
            self._carry_out(CloseAttempts(writer_id=self.journal.writer.id, message=message), 0.0)
        return True

    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Close as Crashed what threads still do for a flow run that has ended."""
        self.journal.flush()
        self._carry_out(CloseRest(flow_run_id=flow_run_id, message=message), 0.0)

    def send_spool(self, *, anywhere: bool = False) -> list[Waiting]:
        """Deliver all that dead processes left in the spool; return what became of each file."""
        from legato._backend import spool

        found = [*self.heard, *spool.deliver(self.server, self.home, self.clock, anywhere=anywhere)]
        return spool.summed(found)

    def _store_batch(self, batch: Batch) -> BatchAnswer:
        answer = self.server.take(self.journal.writer, batch)
        if not self._has_delivered:
            self._has_delivered = True
            if self._spool_waits():
                self.journal.spare(self._hear_the_dead)
        return answer

    def _hear_the_dead(self) -> None:
        """Deliver what dead processes left in the spool, for a moment."""
        from legato._backend import spool

        with contextlib.suppress(StoreError):
            self.heard += spool.deliver(
                self.server, self.home, self.clock, budget_seconds=spool.BUDGET_SECONDS
            )

    def _at_leisure(self) -> None:
        if self._spool_waits():
            self._hear_the_dead()

    def _give_up(self) -> None:
        self.server.link.close()

    def after_in_child(self) -> None:
        """Become another writer; nothing that the parent holds is ours."""
        self._left_behind.append(self.server.link.leave_behind())
        self._has_delivered = False
        super().after_in_child()


def folder_of(url: str) -> str:
    """Return the name of the folder for what waits for a server."""
    parts = urlsplit(url)
    host = "".join(sign if sign.isalnum() or sign in ".-" else "_" for sign in parts.netloc)
    return f"{host.rpartition('@')[2][:60]}-{blake2b(url.encode(), digest_size=4).hexdigest()}"
