"""What clients ask a server before all else: is it there, which versions does it speak."""

from __future__ import annotations

from importlib.metadata import version
from re import compile as pattern

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from legato._model.errors import StoreError
from legato._server.control import Control
from legato._settings import view

API_VERSION = "0.8.4"
OLDEST_API_VERSION = (0, 8, 0)
PREFECT_VERSION = "3.8.8"
"""The version of Prefect's clients that the API is compared with; their major must be the same."""
_THREE_NUMBERS = pattern(r"\d+\.\d+\.\d+")


def routes(control: Control) -> list[Route]:
    """Return the routes, below `/api`."""

    async def ready(_: Request) -> Response:
        try:
            await control.read(lambda tx: tx.rows("meta.read", {}))
        except StoreError:
            return JSONResponse({"message": "Database is not available"}, 503)
        return JSONResponse({"message": "OK"})

    return [
        Route("/health", _health),
        Route("/ready", ready),
        Route("/version", _version),
        Route("/csrf-token", _csrf),
        Route("/admin/version", _admin_version),
        Route("/admin/settings", _settings),
        Route("/admin/legato-version", _legato_version),
        Route("/openapi.json", _openapi),
    ]


async def _health(_: Request) -> Response:
    return JSONResponse(True)


async def _version(_: Request) -> Response:
    return JSONResponse(API_VERSION)


async def _admin_version(_: Request) -> Response:
    return JSONResponse(PREFECT_VERSION)


async def _legato_version(_: Request) -> Response:
    return JSONResponse(version("legato"))


async def _openapi(_: Request) -> Response:
    from legato._server.openapi import document

    return JSONResponse(document())


async def _settings(_: Request) -> Response:
    """What this process is set to; a settings file that cannot be read is a SettingsError."""
    return JSONResponse(await run_in_threadpool(view.masked))


async def _csrf(_: Request) -> Response:
    return JSONResponse({"detail": "CSRF protection is disabled."}, 422)


def refused(asked: str | None) -> str | None:
    """Return why a client of that API version is not served; None: it is."""
    if asked is None:
        return None
    if _THREE_NUMBERS.fullmatch(asked) is None:
        return f"Invalid X-PREFECT-API-VERSION header: {asked[:40]!r} is not of the form 0.8.4."
    if tuple(map(int, asked.split("."))) < OLDEST_API_VERSION:
        return (
            f"The request specified API version {asked} but this server requires version 0.8.0 or"
            " higher."
        )
    return None
