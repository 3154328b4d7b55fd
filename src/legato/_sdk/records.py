"""Public records: model structs that users construct, coerced as they are made.

A record adds no field to its model struct. Constructing one coerces (`"COMPLETED"` to the enum,
text to UUID, a dict to a nested record) and raises ValidationError with every fault at once;
`wrap` takes a model struct that is known to be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Self, TypeVar, cast, get_args

import msgspec
from msgspec import Struct, StructMeta, structs

from legato._model.errors import InvalidRequest
from legato._model.wire import encoded, jsonable

R = TypeVar("R", bound="Record")
_construct: Any = StructMeta.__call__
_convert: Any = msgspec.convert


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
        made: Self = _construct(cls, **values)
        return made

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return a record of a mapping or of another record; raise ValidationError."""
        if isinstance(obj, Struct):
            if obj.__struct_fields__ != cast("Any", cls).__struct_fields__:
                raise ValidationError(f"{cls.__name__}: a {type(obj).__name__} is none")
            return cls.wrap(obj)
        fields = cls.completed(dict(obj))
        kinds = _kinds(cast("type[Struct]", cls))
        try:
            coerced = {name: coerce(value, kinds[name]) for name, value in fields.items()}
            made: Self = _construct(cls, **coerced)
        except (KeyError, TypeError, ValueError):
            raise cls._refusal(fields) from None
        return made

    @classmethod
    def _refusal(cls, fields: dict[str, Any]) -> ValidationError:
        """Return the error that names every fault."""
        from legato._model.faults import described, struct_faults

        problems = struct_faults(fields, cast("type[Struct]", cls), [])
        return ValidationError(f"{cls.__name__}: {described(problems)}", problems)

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Return a record of a JSON object; raise ValidationError."""
        try:
            fields = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise ValidationError(f"{cls.__name__}: {error}") from None
        return cls.model_validate(fields)

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """Return the fields as a dict; `mode="json"` as JSON values."""
        plain: Any = self
        if mode == "json":
            return cast("dict[str, Any]", jsonable(plain))
        return cast("dict[str, Any]", _plain(plain))

    def model_dump_json(self) -> str:
        """Return the fields as JSON."""
        return encoded(self).decode()

    def model_copy(self, *, update: dict[str, Any] | None = None) -> Self:
        """Return a copy, with some fields replaced."""
        values = {n: getattr(self, n) for n in cast("Any", self).__struct_fields__}
        made: Self = _construct(type(self), **{**values, **(update or {})})
        return made


@cache
def _kinds(cls: type[Struct]) -> dict[str, Any]:
    """Return the types of the fields of a record."""
    return {field.encode_name: field.type for field in structs.fields(cls)}


def coerce(value: Any, kind: Any) -> Any:
    """Return `value` as `kind`; what is of that kind already is passed on as it is."""
    if kind is Any or (type(kind) is type and type(value) is kind):
        return value
    if isinstance(value, Struct) and any(isinstance(value, of) for of in _structs(kind)):
        return value
    found: Any = _convert(value, kind, strict=False, from_attributes=True)
    return found


@cache
def _structs(kind: Any) -> tuple[type[Struct], ...]:
    """Return the structs that a field of that type may hold."""
    options = get_args(kind) or (kind,)
    return tuple(of for of in options if isinstance(of, type) and issubclass(of, Struct))


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list):
        return [_plain(item) for item in cast("Iterable[Any]", value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    return value
