"""What an operator looks at: how the duties of this server fare, and what it answered."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from legato._server.answers import json_response
from legato._server.duties import Duties
from legato._server.measuring import MEDIA_TYPE, Tally, exposition


def routes(duties: Duties, tally: Tally) -> list[BaseRoute]:
    """Return the routes, below `/api`."""

    async def statuses(_: Request) -> Response:
        return json_response(200, duties.status())

    async def metrics(_: Request) -> Response:
        return Response(exposition(tally, duties.status()), media_type=MEDIA_TYPE)

    return [Route("/admin/duties", statuses), Route("/metrics", metrics)]
