"""Operations on the values of parameters, before they become a run's."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct

from legato._model.operations.spec import Operation, Spec


class SchemaProblems(Struct, kw_only=True):
    """What is wrong with values.

    An error is a text, or tells of a part: `{"property": ..., "errors": [...]}`, of an item of a
    list `{"index": ..., "errors": [...]}`.
    """

    errors: list[str | dict[str, Any]]
    valid: bool


class ValidateValues(Operation):
    """Tell whether values of parameters are as a schema says, with the variables that they name."""

    spec: ClassVar = Spec(
        id="parameter_values.validate",
        method="POST",
        path="/ui/schemas/validate",
        access="read",
        answer=SchemaProblems,
    )
    schema: dict[str, Any]
    values: dict[str, Any]
