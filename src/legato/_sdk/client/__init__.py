"""Clients of the current backend: one set of methods, sync and async."""

from __future__ import annotations

from typing import Literal, overload

from legato._sdk.client.aio import Client
from legato._sdk.client.sync import SyncClient


@overload
def get_client(*, sync_client: Literal[True]) -> SyncClient: ...


@overload
def get_client(*, sync_client: Literal[False] = False) -> Client: ...


def get_client(*, sync_client: bool = False) -> Client | SyncClient:
    """Return a client of the current backend, async unless `sync_client`.

    >>> with get_client(sync_client=True) as client:
    ...     runs = client.read_flow_runs(limit=5)
    """
    return SyncClient() if sync_client else Client()
