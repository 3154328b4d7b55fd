"""What the values of parameters stand for, and whether they are as a schema says."""

from __future__ import annotations

from datetime import datetime
from functools import cache, partial
from typing import Any, cast

from legato._model import json_schema
from legato._model.errors import InvalidRequest
from legato._model.operations.parameter_values import SchemaProblems, ValidateValues
from legato._model.placeholders import Unresolved, resolved, unresolved
from legato._store import variables
from legato._store.port import Transaction


def resolve(tx: Transaction, values: dict[str, Any], field: str) -> dict[str, Any]:
    """Return values with the variables that they name; raise InvalidRequest."""
    found = resolved(values, cache(partial(_variable, tx)))
    for fault in unresolved(found, field):
        raise InvalidRequest(f"{fault}.")
    if not isinstance(found, dict):
        raise InvalidRequest(f"{field}: They must be an object, but stand for {found!r:.100}.")
    return cast("dict[str, Any]", found)


def faults_of_defaults(parameters: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Tell what is wrong with parameters that a run may add to, and variables may change."""
    known = resolved(parameters, lambda name: Unresolved(), templates=True)
    try:
        return json_schema.problems(known, {**schema, "required": []})
    except ValueError as error:
        return [str(error)]


def _variable(tx: Transaction, name: str) -> Any:
    known = variables.find_by_name(tx, name)
    return Unresolved(f"There is no variable {name!r:.100}") if known is None else known.value


def validate(tx: Transaction, now: datetime, request: ValidateValues) -> SchemaProblems:
    """Tell what is wrong with values; raise InvalidRequest for a schema that cannot be used."""
    lookup = cache(partial(_variable, tx))
    found = resolved(request.values, lookup, templates=True)
    try:
        faults = json_schema.faults(found, request.schema)
    except ValueError as error:
        raise InvalidRequest(f"schema: {error}.") from None
    errors: list[Any] = []
    known: dict[json_schema.Path, list[Any]] = {(): errors}
    for fault in faults:
        _errors_at(known, fault.path).append(fault.text)
    return SchemaProblems(errors=errors, valid=not errors)


def _errors_at(known: dict[json_schema.Path, list[Any]], path: json_schema.Path) -> list[Any]:
    """Return the list of errors of a place, which lies in that of what it is a part of."""
    if path not in known:
        part, errors = path[-1], list[Any]()
        kind = "index" if isinstance(part, int) else "property"
        _errors_at(known, path[:-1]).append({kind: part, "errors": errors})
        known[path] = errors
    return known[path]
