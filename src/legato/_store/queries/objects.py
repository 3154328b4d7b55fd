"""Pages and counts of variables and artifacts."""

from __future__ import annotations

from typing import Any, LiteralString

from msgspec import structs

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
from legato._store.queries.lists import (
    counted,
    of_workspace,
    page,
    page_and_rest,
    page_by_id,
    picked,
)
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
_LATEST_OF_FEW: LiteralString = (
    f"{_LATEST} AND artifact.ws = artifact_collection.ws AND artifact.key = artifact_collection.key"
)
"""The same for few artifacts: their keys are found by the index on keys."""

_ANY = f.ArtifactCollectionFilter()
_COLLECTION_ORDERS: dict[str, LiteralString] = {
    "CREATED_DESC": "artifact_collection.latest_at DESC, artifact_collection.latest_id DESC",
    "UPDATED_DESC": "artifact.updated_at DESC, artifact_collection.latest_id DESC",
    "ID_DESC": "artifact_collection.latest_id DESC",
    "KEY_DESC": "artifact_collection.key DESC",
    "KEY_ASC": "artifact_collection.key ASC",
}
_ARTIFACT_ORDERS: dict[str, LiteralString] = {
    "CREATED_DESC": "artifact.created_at DESC, artifact.id DESC",
    "UPDATED_DESC": "artifact.updated_at DESC, artifact.id DESC",
    "ID_DESC": "artifact.id DESC",
    "KEY_DESC": "artifact.key DESC, artifact.id DESC",
    "KEY_ASC": "artifact.key ASC, artifact.id DESC",
}


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
    conditions, sort = _conditions(request, "artifact.id", "artifact.key"), request.sort.value
    order = _ARTIFACT_ORDERS[sort]
    if sort.startswith("KEY"):
        by = ("key", order, _ARTIFACT_ORDERS["ID_DESC"])
        rows = page_and_rest(tx, ("artifact", columns.ARTIFACT), conditions, by, request)
    else:
        rows = page(tx, picked("artifact", columns.ARTIFACT, conditions), order, request)
    return [artifact_rows.of_row(row) for row in rows]


def count_artifacts(tx: Transaction, request: Any) -> int:
    """Count artifacts."""
    picks = _conditions(request, "artifact.id", "artifact.key")
    return counted(tx, "artifact", [of_workspace("artifact"), *picks])


def collections(tx: Transaction, request: Any) -> list[ArtifactCollection]:
    """List keys with the latest artifact of each."""
    own: LiteralString = "artifact_collection.id, artifact_collection.created_at"
    head: LiteralString = f"SELECT {own}, {sql.listed('artifact', columns.ARTIFACT)} FROM {_LATEST}"
    sort = request.sort.value
    tables = _source(request)
    if sort == "UPDATED_DESC" and tables == "artifact_collection":
        tables = _LATEST
    picked, order = _collections(request), _COLLECTION_ORDERS[sort]
    rows = page_by_id(tx, head, ("artifact_collection", tables), picked, order, request)
    return [artifact_rows.collection_of_row(row) for row in rows]


def count_collections(tx: Transaction, request: Any) -> int:
    """Count keys of artifacts."""
    return counted(tx, _source(request), _collections(request))


def _source(request: Any) -> LiteralString:
    """The tables that keys are picked from: without artifacts, if nothing is asked of those."""
    given = request.artifacts
    if given is not None and given.operator is f.Operator.and_:
        few = (given.latest_id, given.flow_run_id, given.task_run_id)
        if any(leaf is not None and leaf.any_ for leaf in few):
            return _LATEST_OF_FEW
    asked = given is not None and structs.replace(given, key=None) != _ANY
    return _LATEST if asked or filters(request) else "artifact_collection"


def _collections(request: Any) -> list[Sql]:
    own = _conditions(request, "artifact_collection.latest_id", "artifact_collection.key")
    return [of_workspace("artifact_collection"), *own]


def _conditions(request: Any, id_: LiteralString, key: LiteralString) -> list[Sql]:
    """Conditions of the request's own filter and of those on flows and runs."""
    found: list[Sql] = []
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
