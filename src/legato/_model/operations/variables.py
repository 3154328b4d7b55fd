"""Operations on variables."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.errors import Conflict
from legato._model.filters import VariableFilter, VariableSort
from legato._model.operations.spec import Operation, Spec
from legato._model.variables import Variable, VariableCreate, VariableUpdate


class CreateVariable(Operation):
    """Create a variable; raise Conflict if there is one of that name."""

    spec: ClassVar = Spec(
        id="variables.create",
        method="POST",
        path="/variables/",
        access="write",
        answer=Variable,
        status=201,
        body="variable",
        errors=(Conflict,),
    )
    variable: VariableCreate


class ReadVariable(Operation):
    """Read a variable."""

    spec: ClassVar = Spec(
        id="variables.read",
        method="GET",
        path="/variables/{variable_id}",
        access="read",
        answer=Variable,
    )
    variable_id: UUID


class ReadVariableByName(Operation):
    """Read a variable by its name."""

    spec: ClassVar = Spec(
        id="variables.read_by_name",
        method="GET",
        path="/variables/name/{name}",
        access="read",
        answer=Variable,
    )
    name: str


class FilterVariables(Operation):
    """List variables."""

    spec: ClassVar = Spec(
        id="variables.filter",
        method="POST",
        path="/variables/filter",
        access="read",
        answer=list[Variable],
    )
    variables: VariableFilter | None = None
    sort: VariableSort = VariableSort.NAME_ASC
    limit: int | None = None
    offset: int = 0


class CountVariables(Operation):
    """Count variables."""

    spec: ClassVar = Spec(
        id="variables.count", method="POST", path="/variables/count", access="read", answer=int
    )
    variables: VariableFilter | None = None


class UpdateVariable(Operation):
    """Change a variable."""

    spec: ClassVar = Spec(
        id="variables.update",
        method="PATCH",
        path="/variables/{variable_id}",
        access="write",
        answer=None,
        status=204,
        body="variable",
        errors=(Conflict,),
    )
    variable_id: UUID
    variable: VariableUpdate


class UpdateVariableByName(Operation):
    """Change the variable of a name."""

    spec: ClassVar = Spec(
        id="variables.update_by_name",
        method="PATCH",
        path="/variables/name/{name}",
        access="write",
        answer=None,
        status=204,
        body="variable",
        errors=(Conflict,),
    )
    name: str
    variable: VariableUpdate


class DeleteVariable(Operation):
    """Delete a variable."""

    spec: ClassVar = Spec(
        id="variables.delete",
        method="DELETE",
        path="/variables/{variable_id}",
        access="write",
        answer=None,
        status=204,
    )
    variable_id: UUID


class DeleteVariableByName(Operation):
    """Delete the variable of a name."""

    spec: ClassVar = Spec(
        id="variables.delete_by_name",
        method="DELETE",
        path="/variables/name/{name}",
        access="write",
        answer=None,
        status=204,
    )
    name: str
