"""Pages and counts of variables and artifacts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, UnaryExpression, func, select

from legato._model import filters as f
from legato._model.artifacts import Artifact, ArtifactCollection
from legato._model.variables import Variable
from legato._store import artifacts as artifact_rows
from legato._store import object_columns as columns
from legato._store import schema
from legato._store import variables as variable_rows
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries import conditions as c
from legato._store.queries import nouns
from legato._store.queries.conditions import Condition
from legato._store.queries.lists import page

var, art, coll = schema.variable, schema.artifact, schema.artifact_collection

_VARIABLE_ORDERS: dict[str, UnaryExpression[Any]] = {
    "CREATED_DESC": var.c.created_at.desc(),
    "UPDATED_DESC": var.c.updated_at.desc(),
    "NAME_DESC": var.c.name.desc(),
    "NAME_ASC": var.c.name.asc(),
}


def variables(tx: Transaction, request: Any) -> list[Variable]:
    """List variables."""
    query = select(*(var.c[name] for name in columns.VARIABLE))
    query = query.where(*_variables(request.variables))
    query = query.order_by(_VARIABLE_ORDERS[request.sort.value], var.c.id)
    return [variable_rows.of_row(row) for row in page(tx, query, request.limit, request.offset)]


def count_variables(tx: Transaction, request: Any) -> int:
    """Count variables."""
    query = select(func.count()).select_from(var).where(*_variables(request.variables))
    return int(tx.select(query)[0][0])


def _variables(given: f.VariableFilter | None) -> list[Condition]:
    here: list[Condition] = [var.c.ws == DEFAULT_WORKSPACE]
    if given is None:
        return here
    parts = [
        c.listed(var.c.id, given.id),
        c.named(var.c.name, given.name),
        c.tagged_in(var.c.tags, given.tags),
    ]
    condition = c.joined(given.operator, parts)
    return here if condition is None else [*here, condition]


def artifacts(tx: Transaction, request: Any) -> list[Artifact]:
    """List artifacts."""
    query = select(*(art.c[name] for name in columns.ARTIFACT)).where(
        *_artifacts(request, art.c.id)
    )
    query = query.order_by(*_ordered(request.sort.value, art.c.id))
    return [artifact_rows.of_row(row) for row in page(tx, query, request.limit, request.offset)]


def count_artifacts(tx: Transaction, request: Any) -> int:
    """Count artifacts."""
    query = select(func.count()).select_from(art).where(*_artifacts(request, art.c.id))
    return int(tx.select(query)[0][0])


def collections(tx: Transaction, request: Any) -> list[ArtifactCollection]:
    """List keys with the latest artifact of each."""
    query = select(
        coll.c.id, coll.c.created_at, *(art.c[name] for name in columns.ARTIFACT)
    ).select_from(coll.join(art, art.c.id == coll.c.latest_id))
    query = query.where(
        coll.c.ws == DEFAULT_WORKSPACE, *_artifacts(request, coll.c.latest_id, coll.c.key)
    )
    query = query.order_by(*_ordered(request.sort.value, coll.c.latest_id, coll.c.key))
    rows = page(tx, query, request.limit, request.offset)
    return [artifact_rows.collection_of_row(row) for row in rows]


def count_collections(tx: Transaction, request: Any) -> int:
    """Count keys of artifacts."""
    joined = coll.join(art, art.c.id == coll.c.latest_id)
    query = select(func.count()).select_from(joined).where(coll.c.ws == DEFAULT_WORKSPACE)
    return int(tx.select(query.where(*_artifacts(request, coll.c.latest_id, coll.c.key)))[0][0])


def _ordered(sort: str, id_: Any, key: Any = art.c.key) -> list[ColumnElement[Any]]:
    orders: dict[str, list[ColumnElement[Any]]] = {
        "CREATED_DESC": [art.c.created_at.desc(), id_.desc()],
        "UPDATED_DESC": [art.c.updated_at.desc(), id_.desc()],
        "ID_DESC": [id_.desc()],
        "KEY_DESC": [key.desc().nulls_last(), id_.desc()],
        "KEY_ASC": [key.asc().nulls_last(), id_.desc()],
    }
    return orders[sort]


def _artifacts(request: Any, id_: Any, key: Any = art.c.key) -> list[Condition]:
    """Conditions of the request's own filter and of those on flows and runs."""
    found: list[Condition] = [art.c.ws == DEFAULT_WORKSPACE]
    given = request.artifacts
    if given is not None:
        ids = given.latest_id if isinstance(given, f.ArtifactCollectionFilter) else given.id
        parts = [
            c.listed(id_, ids),
            c.keyed(key, given.key),
            c.listed(art.c.flow_run_id, given.flow_run_id),
            c.listed(art.c.task_run_id, given.task_run_id),
            c.listed(art.c.type, given.type),
        ]
        condition = c.joined(given.operator, parts)
        found += [] if condition is None else [condition]
    if request.flows is not None or request.flow_runs is not None:
        found.append(nouns.of_runs(art.c.flow_run_id, "flow_runs", request))
    if request.task_runs is not None:
        found.append(nouns.of_runs(art.c.task_run_id, "task_runs", request))
    return found
