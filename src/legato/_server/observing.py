"""What an operator looks at: how the duties of this server fare."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from legato._server.duties import Duties
from legato._server.operations import json_response


def routes(duties: Duties) -> list[BaseRoute]:
    """Return the routes, below `/api`."""

    async def statuses(_: Request) -> Response:
        return json_response(200, duties.status())

    return [Route("/admin/duties", statuses)]
