"""How long the storages of clouds are asked: who cannot store a result is to know it soon.

Their libraries try again for half a minute and more where nobody answers, and have no common way
to be told otherwise. An address that does not answer is given up within some ten seconds here; a
server that answers slowly has longer.
"""

from __future__ import annotations

from importlib import import_module
from types import MethodType
from typing import Any

CONNECT_SECONDS = 4
READ_SECONDS = 20
TRIES = 2


def amazon_options() -> dict[str, Any]:
    """Return options of s3fs."""
    retries = {"mode": "standard", "total_max_attempts": TRIES}
    return {
        "config_kwargs": {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": retries,
        }
    }


def google_options() -> dict[str, Any]:
    """Return options of gcsfs."""
    from aiohttp import ClientTimeout

    patience = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
    return {"timeout": READ_SECONDS, "requests_timeout": patience}


def microsoft_options() -> dict[str, Any]:
    """Return options of adlfs."""
    return {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}


def hurry_amazon(files: Any) -> None:
    """Let s3fs, which tries again above botocore, try once: botocore does it."""
    files.retries = 1


def hurry_google(files: Any) -> None:
    """Let gcsfs try less often; it has the number in a decorator."""
    decorated: Any = files.__class__._request  # noqa: SLF001
    bare: Any = getattr(decorated, "__wrapped__", None)
    if bare is not None:
        again: Any = import_module("gcsfs.retry").retry_request
        files._request = MethodType(again(retries=TRIES)(bare), files)  # noqa: SLF001


def hurry_microsoft(files: Any) -> None:
    """Give adlfs a client that tries less often, and all of whose calls end."""
    client: Any = import_module("azure.storage.blob.aio").BlobServiceClient
    made = files.service_client
    files.service_client = client(
        account_url=made.url,
        credential=made.credential,
        retry_total=TRIES,
        retry_connect=TRIES - 1,
        retry_read=TRIES - 1,
        initial_backoff=1,
        increment_base=2,
        random_jitter_range=1,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )


def leave(files: Any) -> None:
    """Leave others as they are: what they are is not known."""
