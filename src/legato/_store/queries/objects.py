"""Pages and counts of variables and artifacts."""

from __future__ import annotations

from typing import Any, LiteralString

from legato._model import filters as f
from legato._model.artifacts import Artifact, ArtifactCollection
from legato._model.operations.lists import filters
from legato._model.variables import Variable
from legato._store import artifacts as artifact_rows
from legato._store import object_columns as columns
from legato._store import sql
from legato._store import variables as variable_rows
from legato._store.port import Transaction
from legato._store.queries import conditions as c
from legato._store.queries import nouns
from legato._store.queries.lists import counted, of_workspace, page
from legato._store.sql import Sql

_VARIABLE_ORDERS: dict[str, LiteralString] = {
    "CREATED_DESC": "variable.created_at DESC, variable.id",
    "UPDATED_DESC": "variable.updated_at DESC, variable.id",
    "NAME_DESC": "variable.name DESC, variable.id",
    "NAME_ASC": "variable.name ASC, variable.id",
}
_LATEST: LiteralString = (
    "artifact_collection JOIN artifact ON artifact.id = artifact_collection.latest_id"
)


def variables(tx: Transaction, request: Any) -> list[Variable]:
    """List variables."""
    head = Sql(f"SELECT {sql.listed('variable', columns.VARIABLE)} FROM variable WHERE")
    query = head.then(sql.all_of(_variables(request.variables)))
    rows = page(tx, query, _VARIABLE_ORDERS[request.sort.value], request)
    return [variable_rows.of_row(row) for row in rows]


def count_variables(tx: Transaction, request: Any) -> int:
    """Count variables."""
    return counted(tx, "variable", _variables(request.variables))


def _variables(given: f.VariableFilter | None) -> list[Sql]:
    here = [of_workspace("variable")]
    if given is None:
        return here
    parts = [
        c.listed("variable.id", given.id),
        c.named("variable.name", given.name),
        c.tagged_in("variable.tags", given.tags),
    ]
    condition = c.joined(given.operator, parts)
    return here if condition is None else [*here, condition]


def artifacts(tx: Transaction, request: Any) -> list[Artifact]:
    """List artifacts."""
    head = Sql(f"SELECT {sql.listed('artifact', columns.ARTIFACT)} FROM artifact WHERE")
    query = head.then(sql.all_of(_artifacts(request, "artifact.id", "artifact.key")))
    order = _ordered(request.sort.value, "artifact.id", "artifact.key")
    return [artifact_rows.of_row(row) for row in page(tx, query, order, request)]


def count_artifacts(tx: Transaction, request: Any) -> int:
    """Count artifacts."""
    return counted(tx, "artifact", _artifacts(request, "artifact.id", "artifact.key"))


def collections(tx: Transaction, request: Any) -> list[ArtifactCollection]:
    """List keys with the latest artifact of each."""
    own: LiteralString = "artifact_collection.id, artifact_collection.created_at"
    head = Sql(f"SELECT {own}, {sql.listed('artifact', columns.ARTIFACT)} FROM {_LATEST} WHERE")
    query = head.then(sql.all_of(_collections(request)))
    order = _ordered(request.sort.value, "artifact_collection.latest_id", "artifact_collection.key")
    rows = page(tx, query, order, request)
    return [artifact_rows.collection_of_row(row) for row in rows]


def count_collections(tx: Transaction, request: Any) -> int:
    """Count keys of artifacts."""
    return counted(tx, _LATEST, _collections(request))


def _collections(request: Any) -> list[Sql]:
    own = _artifacts(request, "artifact_collection.latest_id", "artifact_collection.key")
    return [of_workspace("artifact_collection"), *own]


def _ordered(sort: str, id_: LiteralString, key: LiteralString) -> LiteralString:
    orders: dict[str, LiteralString] = {
        "CREATED_DESC": f"artifact.created_at DESC, {id_} DESC",
        "UPDATED_DESC": f"artifact.updated_at DESC, {id_} DESC",
        "ID_DESC": f"{id_} DESC",
        "KEY_DESC": f"{key} DESC NULLS LAST, {id_} DESC",
        "KEY_ASC": f"{key} ASC NULLS LAST, {id_} DESC",
    }
    return orders[sort]


def _artifacts(request: Any, id_: LiteralString, key: LiteralString) -> list[Sql]:
    """Conditions of the request's own filter and of those on flows and runs."""
    found = [of_workspace("artifact")]
    given = request.artifacts
    if given is not None:
        ids = given.latest_id if isinstance(given, f.ArtifactCollectionFilter) else given.id
        parts = [
            c.listed(id_, ids),
            c.keyed(key, given.key),
            c.listed("artifact.flow_run_id", given.flow_run_id),
            c.listed("artifact.task_run_id", given.task_run_id),
            c.listed("artifact.type", given.type),
        ]
        condition = c.joined(given.operator, parts)
        found += [] if condition is None else [condition]
    if filters(request).keys() - {"task_runs"}:
        found.append(nouns.of_runs("artifact.flow_run_id", "flow_runs", request))
    if request.task_runs is not None:
        found.append(nouns.of_runs("artifact.task_run_id", "task_runs", request))
    return found
