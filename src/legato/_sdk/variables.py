"""Variables: small named values that runs share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from legato._model import variables
from legato._model.errors import Conflict, ObjectNotFound
from legato._model.operations.variables import (
    CreateVariable,
    DeleteVariableByName,
    ReadVariableByName,
    UpdateVariableByName,
)
from legato._sdk.client import sending, waiting
from legato._sdk.exceptions import VariableExists
from legato._sdk.records import Record, RecordMeta, ValidationError

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")
_KINDS = (str, int, float, bool, type(None), dict, list)


class Variable(Record, variables.VariableCreate, metaclass=RecordMeta):
    """A variable: `name`, `value` and `tags`.

    >>> Variable.set("threshold", 0.5).value
    0.5
    >>> Variable.get("threshold")
    0.5
    """

    @classmethod
    def set(
        cls, name: str, value: Any, tags: list[str] | None = None, overwrite: bool = False
    ) -> Self:
        """Set a variable; without `overwrite` raise VariableExists if there is one of that name.

        The name has lowercase letters, digits, `_` and `-`; the value is what JSON has, at most
        5,000 characters of it. Raises ValidationError for others.
        """
        given = cls._checked(name, value, tags)
        try:
            sending.send(CreateVariable(variable=given))
        except Conflict as error:
            if not overwrite:
                raise _exists(name) from error
            sending.send(UpdateVariableByName(name=name, variable=_update(given)))
        return cls.wrap(given)

    @classmethod
    async def aset(
        cls, name: str, value: Any, tags: list[str] | None = None, overwrite: bool = False
    ) -> Self:
        """Set a variable; see `set`."""
        given = cls._checked(name, value, tags)
        try:
            await waiting.send(CreateVariable(variable=given))
        except Conflict as error:
            if not overwrite:
                raise _exists(name) from error
            await waiting.send(UpdateVariableByName(name=name, variable=_update(given)))
        return cls.wrap(given)

    @classmethod
    def get(cls, name: str, default: Any = None) -> Any:
        """Return the value of a variable, or `default` if there is none of that name."""
        try:
            return sending.send(ReadVariableByName(name=name)).value
        except ObjectNotFound:
            return default

    @classmethod
    async def aget(cls, name: str, default: Any = None) -> Any:
        """Return the value of a variable, or `default` if there is none of that name."""
        try:
            return (await waiting.send(ReadVariableByName(name=name))).value
        except ObjectNotFound:
            return default

    @classmethod
    def unset(cls, name: str) -> bool:
        """Delete a variable; return whether there was one of that name."""
        try:
            sending.send(DeleteVariableByName(name=name))
        except ObjectNotFound:
            return False
        return True

    @classmethod
    async def aunset(cls, name: str) -> bool:
        """Delete a variable; return whether there was one of that name."""
        try:
            await waiting.send(DeleteVariableByName(name=name))
        except ObjectNotFound:
            return False
        return True

    @classmethod
    def _checked(cls, name: object, value: Any, tags: list[str] | None) -> variables.VariableCreate:
        """Return what is to be set; raise ValidationError naming the field."""
        fault = variables.fault_of_name(name) if isinstance(name, str) else f"{name!r} is no text."
        if fault is not None:
            raise ValidationError(f"{cls.__name__}: name: {fault}")
        if not isinstance(value, _KINDS):
            raise ValidationError(f"{cls.__name__}: value: {_not_json(value)}")
        try:
            encoded = json.dumps(value, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ValidationError(f"{cls.__name__}: value: {error}.") from None
        fault = variables.fault_of_value(encoded)
        if fault is not None:
            raise ValidationError(f"{cls.__name__}: value: {fault}")
        return variables.VariableCreate(name=cast("str", name), value=value, tags=tags)


def _not_json(value: Any) -> str:
    return (
        f"A {type(value).__name__} is nothing that JSON has; "
        "a variable holds text, a number, a bool, None, a list or a dict."
    )


def _update(given: variables.VariableCreate) -> variables.VariableUpdate:
    return variables.VariableUpdate(value=given.value, tags=given.tags)


def _exists(name: str) -> VariableExists:
    return VariableExists(
        f"Variable {name!r} already exists. Use `overwrite=True` to replace its value."
    )
