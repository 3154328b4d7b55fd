"""Asserts that an object dies with the last reference that the user had; argv[1] says how."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import weakref

from legato import flow, task


class Big:
    """Something of the user's."""


@task(retries=1)
def fails(big: Big) -> None:
    local = big
    raise ValueError(type(local))


@flow
def whole(big: Big) -> None:
    fails(big)


@task
def takes(big: Big) -> None:
    pass


@task
def bare() -> None:
    raise ValueError


@flow
def gives_back(big: Big) -> None:
    takes(big)
    del big
    bare()


@task(timeout_seconds=0.05)
def slow(big: Big) -> None:
    time.sleep(30)


@task(retries=1)
async def afails(big: Big) -> None:
    raise ValueError(type(big))


@flow
async def awhole(big: Big) -> None:
    await afails(big)


def handled(big: Big) -> None:
    """A handled exception is gone with its frames."""
    try:
        whole(big)
    except ValueError:
        return


def kept(big: Big) -> BaseException:
    """A kept one holds what its traceback holds, as in plain Python, and no more."""
    state = gives_back(big, return_state=True)
    assert isinstance(state.data, ValueError)
    return state.data.with_traceback(None)


def timed_out(big: Big) -> BaseException:
    state = slow(big, return_state=True)
    assert state.name == "TimedOut"
    return state.data.with_traceback(None)


def retried_async(big: Big) -> None:
    try:
        asyncio.run(awhole(big))
    except ValueError:
        return


big = Big()
ref = weakref.ref(big)
found = globals()[sys.argv[1]](big)
del big
gc.collect()
left = ref()
if left is not None:
    sys.exit(f"alive, held by {[type(r) for r in gc.get_referrers(left)]}")
