"""Task runs with tags wait for the limits on these tags, if there are any."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from legato._model.concurrency_limits import TAG
from legato._model.errors import StoreError
from legato._model.operations.concurrency_limits import ListLimitedTags
from legato._sdk import waits

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._engine.effects import Raised
    from legato._sdk.context import TaskRunContext
    from legato._sdk.drive import Execution
    from legato._sdk.limits import Wish

KNOWN_SECONDS = 1.0
"""For so long a limit that another process has made may not be known here."""

_known: tuple[Backend, float, frozenset[str]] | None = None


def concern(backend: Backend, tags: frozenset[str]) -> bool:
    """Tell whether there is a limit on one of the tags."""
    return not tags.isdisjoint(_limited(backend))


def take(backend: Backend, run: TaskRunContext) -> Generator[float, None, Wish | None]:
    """Take a slot of each limit on the run's tags; yield the seconds to pause until then.

    While the store is out of use the run goes on without: nobody could free a slot.
    """
    names = sorted(TAG + tag for tag in run.tags & _limited(backend))
    if not names:
        return None
    from legato._model.slots import Holder
    from legato._sdk import limits

    holder = Holder(type="task_run", id=run.id)
    wanted = limits.wish(backend, names, 1, holder=holder, waits_for_server=False)
    try:
        yield from limits.in_line(backend, wanted)
    except StoreError as error:
        limits.warn(f"The limits on the tags of {run.name!r} are not kept: {error}")
        return None
    return wanted if wanted.names_held else None


def stand(run: Execution) -> Raised | None:
    """Wait on this thread for the slots that a run needs; return what cut the wait short."""
    with closing(run.line()) as line:
        try:
            for seconds in line:
                waits.sleep(seconds)
        except BaseException as exc:  # noqa: BLE001 - Ctrl-C during the wait
            return run.raised(exc)
    return None


async def astand(run: Execution) -> Raised | None:
    """Wait on the running loop for the slots that a run needs."""
    with closing(run.line()) as line:
        try:
            for seconds in line:
                await waits.asleep(seconds)
        except BaseException as exc:  # noqa: BLE001 - cancelled during the wait
            return run.raised(exc)
    return None


def release(backend: Backend, held: Wish) -> None:
    """Let go of the slots."""
    from legato._sdk import limits

    limits.release(backend, held)


def forget() -> None:
    """Look the limits up again; this process has just changed one."""
    global _known  # noqa: PLW0603 - a cache
    _known = None


def _limited(backend: Backend) -> frozenset[str]:
    """Return the tags that have a limit."""
    global _known  # noqa: PLW0603 - a cache
    known, now = _known, time.monotonic()
    if known is not None and known[0] is backend and now - known[1] < KNOWN_SECONDS:
        return known[2]
    found: frozenset[str] = frozenset()
    with suppress(StoreError):
        found = frozenset(backend.send(ListLimitedTags()))
    _known = backend, now, found
    return found
