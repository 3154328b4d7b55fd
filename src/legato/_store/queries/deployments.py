"""Pages and counts of deployments."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString

from legato._model.deployments import Deployment
from legato._store import deployments as rows
from legato._store.port import Transaction
from legato._store.queries import nouns
from legato._store.queries.lists import counted, of_workspace, page_by_id
from legato._store.sql import Sql

_ORDERS: dict[str, LiteralString] = {
    "CREATED_DESC": "deployment.created_at DESC, deployment.id",
    "UPDATED_DESC": "deployment.updated_at DESC, deployment.id",
    "NAME_DESC": "deployment.name DESC, deployment.id",
    "NAME_ASC": "deployment.name ASC, deployment.id",
}


def _picked(request: Any) -> list[Sql]:
    return [of_workspace("deployment"), *nouns.related("deployments", request)]


def listed(tx: Transaction, now: datetime, request: Any) -> list[Deployment]:
    """List deployments."""
    picked, order = _picked(request), _ORDERS[request.sort.value]
    found = page_by_id(tx, rows.PICKED, ("deployment", "deployment"), picked, order, request)
    return [rows.of_row(row, now) for row in found]


def count(tx: Transaction, request: Any) -> int:
    """Count deployments."""
    return counted(tx, "deployment", _picked(request))
