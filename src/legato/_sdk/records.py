"""Public records: model structs that users construct, coerced as they are made.

A record adds no field to its model struct. Constructing one coerces (`"COMPLETED"` to the enum,
text to UUID, a dict to a nested record) and raises ValidationError with every fault at once;
`wrap` takes a model struct that is known to be right.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar, cast

import msgspec
from msgspec import Struct, structs

from legato._model.errors import InvalidRequest, Problem

R = TypeVar("R", bound="Record")
StructMeta: Any = type(Struct)


class ValidationError(InvalidRequest):
    """The values do not fit the record's fields."""

    code = "validation"


class RecordMeta(StructMeta):
    """Coerces the fields of a record that is constructed."""

    def __call__(cls, **fields: Any) -> Any:  # noqa: N805 - of a metaclass
        """Make a record of keyword arguments."""
        return cast("type[Record]", cls).model_validate(fields)


class Record:
    """What every public record can do."""

    __slots__ = ()

    @classmethod
    def completed(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields with what a constructor adds; records override it."""
        return fields

    @classmethod
    def wrap(cls, struct: Struct) -> Self:
        """Return a model struct as the public record of the same fields, unchecked."""
        values = {name: getattr(struct, name) for name in struct.__struct_fields__}
        made: Self = StructMeta.__call__(cls, **values)
        return made

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return a record of a mapping or of another record; raise ValidationError."""
        if isinstance(obj, Struct):
            return cls.wrap(obj)
        fields = cls.completed(dict(obj))
        coerced: dict[str, Any] = {}
        problems: list[Problem] = []
        known = {field.encode_name: field for field in structs.fields(cast("Any", cls))}
        for name, value in fields.items():
            if name not in known:
                problems.append(_problem("extra", name, "there is no such field", value))
                continue
            try:
                coerced[name] = coerce(value, known[name].type)
            except (msgspec.ValidationError, ValueError) as error:
                problems.append(_problem("value", name, str(error), value))
        for name, field in known.items():
            if field.required and name not in fields:
                problems.append(_problem("missing", name, "the field is required", None))
        if problems:
            text = "; ".join(f"{cast('Any', p['loc'])[-1]}: {p['msg']}" for p in problems)
            raise ValidationError(f"{cls.__name__}: {text}", problems)
        made: Self = StructMeta.__call__(cls, **coerced)
        return made

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """Return the fields as a dict; `mode="json"` as JSON values."""
        plain: Any = self
        if mode == "json":
            return cast("dict[str, Any]", msgspec.to_builtins(plain, enc_hook=str))
        return {name: _plain(getattr(self, name)) for name in plain.__struct_fields__}

    def model_dump_json(self) -> str:
        """Return the fields as JSON."""
        return msgspec.json.encode(self, enc_hook=str).decode()

    def model_copy(self, *, update: dict[str, Any] | None = None) -> Self:
        """Return a copy, with some fields replaced."""
        values = {n: getattr(self, n) for n in cast("Any", self).__struct_fields__}
        made: Self = StructMeta.__call__(type(self), **{**values, **(update or {})})
        return made


def coerce(value: Any, kind: Any) -> Any:
    """Return `value` as `kind`; what is of that kind already is passed on as it is."""
    if kind is Any or (type(kind) is type and type(value) is kind):
        return value
    found: Any = msgspec.convert(value, kind, strict=False, from_attributes=True)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.model_dump()
    return structs.asdict(value) if isinstance(value, Struct) else value


def _problem(kind: str, name: str, message: str, value: Any) -> Problem:
    return Problem(type=kind, loc=[name], msg=message, input=value)
