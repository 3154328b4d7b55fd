"""A WSGI application whose every request calls a flow; a flow has run before the workers fork."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from legato import flow, task


@task
def leaf(n: int) -> int:
    return n


@flow
def answer(n: int) -> int:
    return leaf(n) + leaf(n)


answer(-1)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = str(answer(int(environ["QUERY_STRING"])) + leaf(0)).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
