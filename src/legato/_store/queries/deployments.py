"""Pages and counts of deployments."""

from __future__ import annotations

from typing import Any, LiteralString

from legato._model import filters as f
from legato._model.deployments import Deployment
from legato._store import deployments as rows
from legato._store import sql
from legato._store.port import Transaction
from legato._store.queries import conditions as c
from legato._store.queries.lists import counted, of_workspace, page
from legato._store.sql import Sql

_ORDERS: dict[str, LiteralString] = {
    "CREATED_DESC": "deployment.created_at DESC, deployment.id",
    "UPDATED_DESC": "deployment.updated_at DESC, deployment.id",
    "NAME_DESC": "deployment.name DESC, deployment.id",
    "NAME_ASC": "deployment.name ASC, deployment.id",
}


def listed(tx: Transaction, request: Any) -> list[Deployment]:
    """List deployments."""
    query = Sql(f"{rows.PICKED} WHERE").then(sql.all_of(_picked(request.deployments)))
    return [rows.of_row(row) for row in page(tx, query, _ORDERS[request.sort.value], request)]


def count(tx: Transaction, request: Any) -> int:
    """Count deployments."""
    return counted(tx, "deployment", _picked(request.deployments))


def _picked(given: f.DeploymentFilter | None) -> list[Sql]:
    here = [of_workspace("deployment")]
    if given is None:
        return here
    parts = [
        c.listed("deployment.id", given.id),
        c.named("deployment.name", given.name),
        c.tagged_in("deployment.tags", given.tags),
        _paused(given.paused),
        _named_either(given.flow_or_deployment_name),
    ]
    condition = c.joined(given.operator, parts)
    return here if condition is None else [*here, condition]


def _paused(leaf: f.FlagFilter | None) -> Sql | None:
    if leaf is None or leaf.eq_ is None:
        return None
    return Sql("deployment.paused = ?", (int(leaf.eq_),))


def _named_either(leaf: f.LikeFilter | None) -> Sql | None:
    if leaf is None or leaf.like_ is None:
        return None
    found, values = sql.has_part("flow.name", leaf.like_)
    of_flow: LiteralString = f"deployment.flow_id IN (SELECT flow.id FROM flow WHERE {found})"
    return sql.any_of([sql.has_part("deployment.name", leaf.like_), Sql(of_flow, values)])
