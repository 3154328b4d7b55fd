"""Operations on variables."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from msgspec import UNSET

from legato._control.object_events import tell
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.object_events import of_variable
from legato._model.operations.variables import (
    CountVariables,
    CreateVariable,
    DeleteVariable,
    DeleteVariableByName,
    FilterVariables,
    ReadVariable,
    ReadVariableByName,
    UpdateVariable,
    UpdateVariableByName,
)
from legato._model.variables import Variable, VariableUpdate, fault_of_name, fault_of_value
from legato._store import encode, variables
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateVariable) -> Variable:
    """Create a variable; raise Conflict if there is one of that name."""
    given = request.variable
    _check_name(given.name)
    encoded = _encoded(given.value)
    tags = list(dict.fromkeys(given.tags or ()))
    made = Variable(
        id=uuid4(), created=now, updated=now, name=given.name, value=given.value, tags=tags
    )
    if not variables.create(tx, now, made, encoded):
        raise Conflict(f"A variable with the name {given.name!r} already exists.")
    tell(tx, now, [of_variable("created", made)])
    return read(tx, now, ReadVariable(variable_id=made.id))


def read(tx: Transaction, now: datetime, request: ReadVariable) -> Variable:
    """Return a variable; raise ObjectNotFound."""
    found = variables.find(tx, request.variable_id)
    if found is None:
        raise ObjectNotFound(f"There is no variable {request.variable_id}.")
    return found


def read_by_name(tx: Transaction, now: datetime, request: ReadVariableByName) -> Variable:
    """Return the variable of a name; raise ObjectNotFound."""
    found = variables.find_by_name(tx, request.name)
    if found is None:
        raise ObjectNotFound(f"There is no variable named {request.name!r}.")
    return found


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterVariables
) -> list[Variable]:
    """List variables."""
    from legato._store.queries import objects

    return objects.variables(tx, request)


def count(tx: Transaction, now: datetime, request: CountVariables) -> int:
    """Count variables."""
    from legato._store.queries import objects

    return objects.count_variables(tx, request)


def update(tx: Transaction, now: datetime, request: UpdateVariable) -> None:
    """Change a variable; raise ObjectNotFound, or Conflict if the new name is taken."""
    known = read(tx, now, ReadVariable(variable_id=request.variable_id))
    _change(tx, now, known, request.variable)


def update_by_name(tx: Transaction, now: datetime, request: UpdateVariableByName) -> None:
    """Change the variable of a name; raise ObjectNotFound, or Conflict for a taken name."""
    known = read_by_name(tx, now, ReadVariableByName(name=request.name))
    _change(tx, now, known, request.variable)


def delete(tx: Transaction, now: datetime, request: DeleteVariable) -> None:
    """Delete a variable; raise ObjectNotFound."""
    _remove(tx, now, read(tx, now, ReadVariable(variable_id=request.variable_id)))


def delete_by_name(tx: Transaction, now: datetime, request: DeleteVariableByName) -> None:
    """Delete the variable of a name; raise ObjectNotFound."""
    _remove(tx, now, read_by_name(tx, now, ReadVariableByName(name=request.name)))


def _remove(tx: Transaction, now: datetime, known: Variable) -> None:
    variables.delete(tx, known.id)
    tell(tx, now, [of_variable("deleted", known)])


def _change(tx: Transaction, now: datetime, known: Variable, given: VariableUpdate) -> None:
    if given.name is not UNSET and given.name != known.name:
        _check_name(given.name)
        if variables.find_by_name(tx, given.name) is not None:
            raise Conflict(f"A variable with the name {given.name!r} already exists.")
        known.name = given.name
    if given.value is not UNSET:
        known.value = given.value
    if given.tags is not UNSET:
        known.tags = list(dict.fromkeys(given.tags or ()))
    variables.change(tx, now, known, _encoded(known.value))
    tell(tx, now, [of_variable("updated", known)])


def _check_name(name: str) -> None:
    fault = fault_of_name(name)
    if fault is not None:
        raise InvalidRequest(f"name: {fault}")


def _encoded(value: Any) -> str:
    encoded = encode.json(value, "value")
    fault = fault_of_value(encoded)
    if fault is not None:
        raise InvalidRequest(f"value: {fault}")
    return encoded
