"""Futures: what submitted tasks will have returned."""

from legato._sdk.futures import Future, FutureList
from legato._sdk.gathering import (
    DoneAndNotDoneFutures,
    as_completed,
    resolve_futures_to_results,
    resolve_futures_to_states,
    wait,
)

PrefectFuture = Future
PrefectConcurrentFuture = Future
PrefectTaskRunFuture = Future
PrefectFutureList = FutureList

__all__ = [
    "DoneAndNotDoneFutures",
    "Future",
    "FutureList",
    "PrefectConcurrentFuture",
    "PrefectFuture",
    "PrefectFutureList",
    "PrefectTaskRunFuture",
    "as_completed",
    "resolve_futures_to_results",
    "resolve_futures_to_states",
    "wait",
]
