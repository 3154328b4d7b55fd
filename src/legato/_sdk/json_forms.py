"""Values that JSON has no form for, as JSON objects that say what they were.

{"__class__": "datetime.date", "data": "2026-01-02"}
{"__exc_type__": "builtins.ValueError", "message": "no"}
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from legato._sdk import script_classes
from legato._sdk.advice import advised
from legato._sdk.exceptions import SerializationError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

CLASS, DATA, EXCEPTION, MESSAGE = "__class__", "data", "__exc_type__", "message"


def encoded(value: object) -> dict[str, Any]:
    """Return the JSON object for a value; raise SerializationError if it could not be read back."""
    name = _name_of(value.__class__)
    form = _exception(name, value) if isinstance(value, BaseException) else _object(name, value)
    try:
        decoded(form)
    except Exception as error:  # noqa: BLE001 - classes of the user
        raise _unreadable(name, error) from None
    return form


def _exception(name: str, value: BaseException) -> dict[str, Any]:
    only = value.args[0] if len(value.args) == 1 else None
    return {EXCEPTION: name, MESSAGE: only if isinstance(only, str) else str(value)}


def _object(name: str, value: object) -> dict[str, Any]:
    from pydantic import PydanticUserError
    from pydantic_core import PydanticSerializationError

    try:
        adapter = _adapter(cast("Any", value.__class__))
        data = adapter.dump_python(value, mode="json", round_trip=True, by_alias=True)
    except (PydanticUserError, PydanticSerializationError, ValueError) as error:
        raise _unreadable(name, error) from None
    return {CLASS: name, DATA: data}


def _unreadable(name: str, error: Exception) -> SerializationError:
    said = str(error).partition("\n")[0].rstrip(".")
    return advised(
        SerializationError(f"A {name} has no JSON form that could be read back: {said}."),
        "result_serializer='pickle' stores any value; or return what it was made from.",
    )


def decoded(found: dict[str, Any]) -> Any:
    """Return the value that a JSON object stands for, itself if it is a plain one."""
    if found.keys() == {CLASS, DATA}:
        from pydantic import ValidationError

        kind = _class_named(found[CLASS])
        try:
            return _adapter(cast("Any", kind)).validate_python(found[DATA])
        except ValidationError as error:
            raise SerializationError(
                f"What was stored of a {found[CLASS]} no longer fits the class: {error}"
            ) from None
    if found.keys() == {EXCEPTION, MESSAGE}:
        kind = _class_named(found[EXCEPTION])
        if not issubclass(kind, BaseException):
            raise SerializationError(f"{found[EXCEPTION]} is no exception.")
        return kind(found[MESSAGE])
    return found


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what writes and reads values of a class; the same for both, so that they fit."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _name_of(kind: type[Any]) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}"
    if _found(name) is not kind:
        raise advised(
            SerializationError(f"A {name} could not be read back from JSON: it has no such name."),
            "Define the class at the top of a module that can be imported, or store the result by "
            "result_serializer='pickle'.",
        )
    return name


def _class_named(name: object) -> type[Any]:
    found = _found(name) if isinstance(name, str) else None
    if not isinstance(found, type):
        raise SerializationError(
            f"The stored value is a {name}, which cannot be imported here: install or import what "
            "defines it."
        )
    return cast("type[Any]", found)


def _found(name: str) -> object:
    """Return what a dotted name names, of a class in a class too; None if there is none.

    What was the main module once may be a script that is loaded under its name now.
    """
    parts = name.split(".")
    if parts[0] == "__main__":
        places = [_standing(module, parts[1:]) for module in script_classes.loaded()]
        return next((place for place in places if place is not None), None)
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ImportError:
            continue
        return _standing(found, parts[length:])
    return None


def _standing(found: Any, parts: list[str]) -> object:
    for part in parts:
        found = getattr(found, part, None)
    return cast("object", found)
