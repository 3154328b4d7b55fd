"""The time, ids, chance and waits of durable runs: recorded, so that a resumed run finds them."""

from __future__ import annotations

import datetime as dt
import random as chance
import time
import uuid

from legato._sdk import waits
from legato._sdk.context import FlowRunContext
from legato._sdk.task import task

__all__ = ["now", "random", "sleep", "uuid4"]


def _recorded() -> bool:
    run = FlowRunContext.get()
    return run is not None and run.durable


@task(name="now")
def _now() -> float:
    return time.time()


@task(name="uuid4")
def _uuid4() -> str:
    return str(uuid.uuid4())


@task(name="random")
def _random() -> float:
    return chance.random()  # noqa: S311 - not for secrets


@task(name="sleep")
def _wake(seconds: float) -> float:
    return time.time() + seconds


def now() -> dt.datetime:
    """Return the time, UTC; in a resumed run the time of the first call.

    >>> now().tzinfo
    datetime.timezone.utc
    """
    return dt.datetime.fromtimestamp(_now() if _recorded() else time.time(), dt.UTC)


def uuid4() -> uuid.UUID:
    """Return a random id; in a resumed run the same one.

    >>> uuid4().version
    4
    """
    return uuid.UUID(_uuid4()) if _recorded() else uuid.uuid4()


def random() -> float:
    """Return a random number in [0, 1); in a resumed run the same one. Not for secrets.

    >>> 0 <= random() < 1
    True
    """
    return _random() if _recorded() else chance.random()  # noqa: S311 - not for secrets


def sleep(seconds: float) -> None:
    """Wait; a resumed run waits only for what is left.

    >>> sleep(0.01)
    """
    if not _recorded():
        waits.sleep(seconds)
        return
    left = _wake(seconds) - time.time()
    if left > 0:
        waits.sleep(left)
