"""What constants, classes and wrappers are made of, as a walk over code sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, get_args

from legato._sdk.hashing import Writer, hash_value
from legato._sdk.signature import underlying

_NAME = re.compile(r"[A-Za-z_]\w*")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# What says the fields of a class: dataclasses, pydantic, attrs, msgspec, and Python's own.
_FIELDS = ("__dataclass_fields__", "__pydantic_fields__", "__attrs_attrs__")
_PLAIN_FIELDS = ("__slots__", "__struct_fields__", "__struct_defaults__", "__match_args__")
_CODE = (FunctionType, BuiltinFunctionType, type, property, staticmethod, classmethod)
Name = Callable[[Any], str]  # says what a function or class is called, and has it followed
MISSING: Any = object()


def root_module(fn: Any) -> str:
    """Return the module whose names are written without it: that of the function."""
    function = underlying(fn)
    return "__main__" if function is None else function.__module__ or "__main__"


def label(named: Any, root: str) -> str:
    """Return the name of a function, class or module."""
    if isinstance(named, ModuleType):
        return named.__name__
    return prefix(named, root) + str(named.__qualname__)


def prefix(named: Any, root: str) -> str:
    """Return what stands before names of a module: nothing for the root and the main module.

    So a file gives the same names when it is run, imported, or pickled to a worker, whose main
    module is another one.
    """
    module: str = getattr(named, "__module__", None) or "__main__"
    return "" if module in (root, "__main__") else f"{module}."


def is_code(value: Any) -> bool:
    """Tell whether a value is followed as code, and is no constant."""
    if isinstance(value, _CODE) or _is_cached_property(value):
        return True
    return _is_decorated(value) or _inner(value) is not None


def _inner(value: Any) -> Any:
    """Return what `functools.wraps` says is wrapped; an object that makes up attributes is none."""
    attributes = asked(value, "__dict__") if callable(value) else MISSING
    return attributes.get("__wrapped__") if hasattr(attributes, "get") else None


def asked(value: Any, name: str) -> Any:
    """Return an attribute of an object of the user's, or MISSING."""
    try:
        return getattr(value, name, MISSING)
    except Exception:  # noqa: BLE001 - a proxy of something that is not there
        return MISSING


def _is_decorated(value: Any) -> bool:
    """Tell whether a value is a flow or a task."""
    from legato._sdk.decorated import Decorated

    return isinstance(value, Decorated)


def wrapped(value: Any) -> Iterator[Any]:
    """Return the functions and objects inside what wraps a function."""
    if isinstance(value, partial):
        yield value.func
        yield from (*value.args, *value.keywords.values())
    elif isinstance(value, MethodType):
        yield value.__func__
        yield type(value.__self__)
    elif isinstance(value, property):
        yield from (part for part in (value.fget, value.fset, value.fdel) if part is not None)
    elif type(value) in (staticmethod, classmethod):
        yield value.__func__
    elif _is_decorated(value):
        yield value.fn
    elif _is_cached_property(value):
        yield value.func
    if _inner(value) is not None:
        yield _inner(value)


def held(function: FunctionType) -> dict[str, Any]:
    """Return the variables around a function that it uses, with what they are."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if name != "__class__":  # what super() needs: the class counts where it is found
            with suppress(ValueError):  # not set yet
                found[name] = cell.cell_contents
    return found


def home(function: FunctionType) -> tuple[str, str]:
    """Return the module and the file of a function's code, whatever it says of itself.

    What `functools.wraps` has been over says that it is of the module of what it wraps.
    """
    module = function.__globals__.get("__name__") or function.__module__ or "__main__"
    return module, function.__code__.co_filename


def functions_in(values: list[Any]) -> Iterator[FunctionType]:
    """Return the functions among values, and in the tables and lists among them."""
    for value in values:
        name = type(value).__name__
        inner: list[Any] = [value]
        if name == "dict":
            inner = list(value.values())
        elif name in ("list", "tuple", "set"):
            inner = list(value)
        yield from (item for item in inner if isinstance(item, FunctionType))


def _is_cached_property(value: Any) -> bool:
    return type(value).__name__ == "cached_property"


class _ConstantWriter(Writer):
    """Writes constants; functions and classes in them by name: their code is a part of its own."""

    def __init__(self, name_of: Name, opened: set[int] | None = None) -> None:
        super().__init__(opened)
        self._name_of = name_of

    def fresh(self) -> Writer:
        """Return a writer for a part, with the same visitor."""
        return _ConstantWriter(self._name_of, self._open)

    def name(self, tag: str, named: Any) -> None:
        """Write a name, and have the code behind it followed."""
        self.feed(tag, self._name_of(named))

    def module(self, module: ModuleType) -> None:
        """Write a module by its name, and have it followed."""
        self.feed("module", self._name_of(module))

    def function(self, function: FunctionType) -> None:
        """Write a function by its name."""
        self.name("f", function)

    def type_(self, kind: type[Any]) -> None:
        """Write a class by its name."""
        self.name("c", kind)


def value_hash(value: Any, name_of: Name) -> str:
    """Return the hash of a constant; raise Unhashable for one without content."""
    writer = _ConstantWriter(name_of)
    writer.value(value)
    return writer.hexdigest()


def annotated(annotations: Mapping[str, Any], names: Mapping[str, Any]) -> Iterator[type[Any]]:
    """Return the classes that annotations name."""
    for annotation in list(annotations.values()):
        yield from _classes(annotation, names)


def _classes(annotation: Any, names: Mapping[str, Any]) -> Iterator[type[Any]]:
    if isinstance(annotation, str):
        for name in _NAME.findall(annotation):
            if isinstance(names.get(name), type):
                yield names[name]
    elif isinstance(annotation, type):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes(inner, names)


class Members(NamedTuple):
    """What a class is made of."""

    text: str
    """A hash of bases, annotations and fields."""
    annotations: dict[str, Any]
    methods: list[Any]
    values: dict[str, Any]


def members(kind: type[Any], name_of: Name) -> Members:
    """Return what a class is made of; what the interpreter and libraries add to it is left out."""
    own = dict(vars(kind))
    annotations: dict[str, Any] = own.get("__annotations__") or {}
    text: list[Any] = [[name_of(base) for base in kind.__bases__]]
    text.append([(name, _said(annotation, name_of)) for name, annotation in annotations.items()])
    text.append([repr(own[name]) for name in _PLAIN_FIELDS if name in own])
    methods: list[Any] = []
    values: dict[str, Any] = {}
    for name, field in _fields(own):
        text.append(_field_text(field))
        values[f"{name} (its default)"] = getattr(field, "default", None)
        methods += [factory] if is_code(factory := getattr(field, "default_factory", None)) else []
    if issubclass(kind, Enum):
        own = {name: member for name, member in own.items() if isinstance(member, FunctionType)}
        text.append([(name, repr(member.value)) for name, member in kind.__members__.items()])
    for name, member in sorted(own.items()):
        if _is_generated(member):
            continue
        if is_code(member):
            methods.append(member)
        elif not name.startswith(("__", "_abc_")) and not _is_slot(member):
            values[name] = member
    return Members(hash_value(text), annotations, methods, values)


def _fields(own: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return the fields of a class by name, whichever library made them."""
    for attribute in _FIELDS:
        found: Any = own.get(attribute, ())
        if not hasattr(found, "items"):
            yield from ((field.name, field) for field in found)
        else:
            yield from found.items()


def _field_text(field: Any) -> list[str]:
    """Say all of a field but its default, whose repr may follow PYTHONHASHSEED."""
    slots = [slot for slot in field.__slots__ if not slot.startswith(("_", "default"))]
    return [_ADDRESS.sub("", f"{slot}={getattr(field, slot, None)!r}") for slot in slots]


def _is_generated(member: Any) -> bool:
    """Tell whether a method was written by a library, out of fields that are compared anyway."""
    member = _inner(member) or member  # the __repr__ of a dataclass is wrapped
    if not isinstance(member, FunctionType) or not member.__name__.startswith("__"):
        return False
    return member.__code__.co_filename.startswith(("<string>", "<attrs generated"))


def _said(annotation: Any, name_of: Name) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return name_of(annotation)
    return annotation if isinstance(annotation, str) else repr(annotation)


def _is_slot(member: Any) -> bool:
    """Tell whether an attribute is how an object finds a field of its own."""
    return type(member).__name__ in ("member_descriptor", "getset_descriptor", "_tuplegetter")
