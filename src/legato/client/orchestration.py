"""The clients, under the name of the module in which Prefect has them."""

from legato._sdk.client import get_client
from legato._sdk.client.aio import Client
from legato._sdk.client.sync import SyncClient

PrefectClient = Client
SyncPrefectClient = SyncClient

__all__ = ["Client", "PrefectClient", "SyncClient", "SyncPrefectClient", "get_client"]
