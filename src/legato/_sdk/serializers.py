"""From values to bytes and back: json, pickle, and either of them compressed.

A serializer has a name from which it can be made again: that of its class (`type`), and the
options that are not the defaults: `pickle`, `compressed/json`, `pickle?picklelib="dill"`. The name
is recorded with each result.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar, cast

from legato._sdk import script_classes
from legato._sdk.advice import advised
from legato._sdk.exceptions import ConfigurationError, SerializationError

NAMES = ("json", "pickle", "compressed/json", "compressed/pickle")
ENCODER = "legato._sdk.json_forms.encoded"
DECODER = "legato._sdk.json_forms.decoded"


_classes: dict[str, type[Serializer]] = {}  # by `type`


class Serializer:
    """Turns a value into bytes and back; a subclass with a `type` is found by that name.

    The attributes of a class are its options, given by keyword:

        class Upper(Serializer):
            type = "upper"

            def dumps(self, obj):
                return obj.upper().encode()

            def loads(self, blob):
                return blob.decode()
    """

    type: str

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        name = cls.__dict__.get("type")
        if isinstance(name, str):
            _classes[name] = cls

    def __init__(self, **options: Any) -> None:
        for name, value in options.items():
            if name.startswith("_") or not hasattr(type(self), name) or name in _METHODS:
                raise TypeError(f"{type(self).__name__} has no option {name!r}.")
            setattr(self, name, value)

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` as bytes; raise SerializationError if it cannot be."""
        raise NotImplementedError(f"{type(self).__name__} has no method `dumps`.")

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made `blob` from."""
        raise NotImplementedError(f"{type(self).__name__} has no method `loads`.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Serializer) and name_of(self) == name_of(other)

    def __hash__(self) -> int:
        return hash(name_of(self))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


_METHODS = frozenset({"dumps", "loads"})
_ALONE = frozenset({"json", "pickle"})

_PICKLE = b"\x80"
"""What a pickle begins with, and no base64 text."""


def stored_form(serializer: Serializer, value: Any) -> bytes:
    """Return the bytes to be stored, which `loads` takes; raise SerializationError.

    They are those of `dumps`, but for a pickle as it is: text takes a third more space, and twice
    the memory while it is made.
    """
    if type(serializer) is PickleSerializer:
        pickled = serializer.pickled(value)
        return pickled if pickled[:1] == _PICKLE else base64.b64encode(pickled)
    return serializer.dumps(value)


class PickleSerializer(Serializer):
    """Any Python value, as base64 text of a pickle that holds functions by value.

    `picklelib` is the name of the module that does it; what is read is code that runs, so load only
    from storages of your own.
    """

    type = "pickle"
    picklelib: str = "cloudpickle"

    def __init__(self, *, picklelib: str = "cloudpickle") -> None:
        if picklelib != "cloudpickle":
            _module(picklelib, "picklelib", ("dumps", "loads"))
            super().__init__(picklelib=picklelib)

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` pickled; raise SerializationError if it cannot be."""
        return base64.b64encode(self.pickled(obj))

    def pickled(self, obj: Any) -> bytes:
        """Return the pickle itself; raise SerializationError if there cannot be one."""
        library: Any = script_classes
        if self.picklelib != "cloudpickle":
            library = import_module(self.picklelib)
        try:
            pickled: bytes = library.dumps(obj)
        except Exception as error:
            raise advised(
                SerializationError(f"A {type(obj).__name__} cannot be pickled: {error}"),
                "A result that is stored has to be data. Return what it was made from, or leave "
                "it unstored: persist_result=False.",
            ) from error
        return pickled

    def loads(self, blob: bytes) -> Any:
        """Return the value of a pickle. Load only what comes from your own storage."""
        library: Any = import_module(self.picklelib)
        return library.loads(blob if blob[:1] == _PICKLE else base64.b64decode(blob))


class JSONSerializer(Serializer):
    """Values as JSON text.

    What JSON has no form for (pydantic models, dataclasses, dates, sets, exceptions ...) becomes an
    object that says its class, and is made again from it. What JSON takes for something of its own
    comes back as that: tuples as lists, keys of dicts as text, members of text and number enums and
    other subclasses of str, int, float, list and dict as plain ones.

    `object_encoder` and `object_decoder` are functions, or dotted names of such, in the place of
    ours; None is none. `dumps_kwargs` and `loads_kwargs` go to the library.
    """

    type = "json"
    jsonlib: str = "json"
    object_encoder: Any = ENCODER
    object_decoder: Any = DECODER
    dumps_kwargs: ClassVar[dict[str, Any]] = {}
    loads_kwargs: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        *,
        jsonlib: str = "json",
        object_encoder: Any = ENCODER,
        object_decoder: Any = DECODER,
        dumps_kwargs: dict[str, Any] | None = None,
        loads_kwargs: dict[str, Any] | None = None,
    ) -> None:
        if "default" in (dumps_kwargs or ()):
            raise ConfigurationError("dumps_kwargs may not have 'default': use object_encoder.")
        if "object_hook" in (loads_kwargs or ()):
            raise ConfigurationError("loads_kwargs may not have 'object_hook': use object_decoder.")
        _module(jsonlib, "jsonlib", ("dumps", "loads"))
        given = {
            "jsonlib": jsonlib,
            "object_encoder": object_encoder,
            "object_decoder": object_decoder,
            "dumps_kwargs": dumps_kwargs or {},
            "loads_kwargs": loads_kwargs or {},
        }
        kind = type(self)
        super().__init__(**{n: value for n, value in given.items() if value != getattr(kind, n)})

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` as JSON; raise SerializationError if it has no JSON form."""
        options = dict(self.dumps_kwargs)
        if self.object_encoder is not None:
            options["default"] = _function(self.object_encoder, "object_encoder")
        library: Any = import_module(self.jsonlib)
        try:
            text = library.dumps(obj, **options)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise SerializationError(f"The value has no JSON form: {error}") from error
        return text if isinstance(text, bytes) else text.encode()

    def loads(self, blob: bytes) -> Any:
        """Return the value of JSON text."""
        if not vars(self) and b'"__' not in blob:
            value = _plain_value(blob)
            if value is not _ODD:
                return value
        options = dict(self.loads_kwargs)
        if self.object_decoder is not None:
            options["object_hook"] = _function(self.object_decoder, "object_decoder")
        library: Any = import_module(self.jsonlib)
        return library.loads(bytes(blob).decode(), **options)


_ODD = object()


def _plain_value(blob: bytes) -> Any:
    """Return the value of JSON without marks of ours, in a tenth of the time; _ODD: with NaN."""
    import msgspec

    try:
        return msgspec.json.decode(blob)
    except msgspec.DecodeError:
        return _ODD


class CompressedSerializer(Serializer):
    """What another serializer makes, compressed; `compressionlib` is the module that does it."""

    type = "compressed"
    compressionlib: str = "lzma"

    def __init__(self, serializer: Any, compressionlib: str = "lzma") -> None:
        self.serializer: Any = serializer_of(serializer)
        if compressionlib != "lzma":
            _module(compressionlib, "compressionlib", ("compress", "decompress"))
            self.compressionlib = compressionlib

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` serialised and compressed."""
        library: Any = import_module(self.compressionlib)
        return base64.b64encode(library.compress(self.serializer.dumps(obj)))

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made `blob` from."""
        library: Any = import_module(self.compressionlib)
        return self.serializer.loads(library.decompress(base64.b64decode(blob)))


class CompressedJSONSerializer(CompressedSerializer):
    """Compressed JSON."""

    type = "compressed/json"

    def __init__(self, compressionlib: str = "lzma") -> None:
        super().__init__(JSONSerializer(), compressionlib)


class CompressedPickleSerializer(CompressedSerializer):
    """Compressed pickles."""

    type = "compressed/pickle"

    def __init__(self, compressionlib: str = "lzma") -> None:
        super().__init__(PickleSerializer(), compressionlib)


_given: dict[str, Serializer] = {}  # by name: what users gave that is no subclass of Serializer


def serializer_of(given: object) -> Serializer:
    """Return the serializer that an option names or is; raise ConfigurationError."""
    if isinstance(given, str):
        found = _named(given)
        if found is not None:
            return found
    elif isinstance(given, Serializer):
        return given
    elif not isinstance(given, type) and all(hasattr(given, n) for n in ("type", *_METHODS)):
        like = cast("Serializer", given)
        _given[like.type] = like
        return like
    known = [*NAMES, *sorted({*_classes, *_given} - {*NAMES, "compressed"})]
    raise ConfigurationError(
        f"There is no serializer {given!r}. Known are {', '.join(known)}, or an object with "
        "`type`, `dumps` and `loads`. One of your own is known when its module is imported."
    )


def _named(name: str) -> Serializer | None:
    if name in _ALONE:
        return _classes[name]()
    from urllib.parse import parse_qsl

    head, slash, inner = name.partition("/")
    kind, _, query = head.partition("?")
    options = {key: json.loads(value) for key, value in parse_qsl(query)}
    if kind == "compressed" and slash:
        below = _named(inner)
        return None if below is None else CompressedSerializer(below, **options)
    found = _classes.get(name.partition("?")[0])
    if found is None or found is CompressedSerializer:
        return _given.get(name)
    return found(**options)


def name_of(serializer: object) -> str:
    """Return the name from which `serializer_of` makes it again."""
    from urllib.parse import urlencode

    if not isinstance(serializer, Serializer):
        return cast("Serializer", serializer).type
    options = dict(vars(serializer))
    below = options.pop("serializer", None)
    options.pop("type", None)
    query = urlencode({key: json.dumps(value, default=_dotted) for key, value in options.items()})
    kind = "compressed" if below is not None else serializer.type
    return f"{kind}{query and '?'}{query}" + (f"/{name_of(below)}" if below is not None else "")


def _dotted(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _module(name: str, option: str, functions: tuple[str, ...]) -> None:
    """Raise ConfigurationError if an option does not name a module with these functions."""
    try:
        module = import_module(name)
    except ImportError as error:
        raise ConfigurationError(f"{option} {name!r} cannot be imported: {error}.") from error
    for function in functions:
        if not callable(getattr(module, function, None)):
            raise ConfigurationError(f"{option} {name!r} has no function `{function}`.")


def _function(given: Any, option: str) -> Callable[..., Any]:
    if callable(given):
        return cast("Callable[..., Any]", given)
    module, _, name = str(given).rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{option} {given!r} cannot be imported: {error}.") from error
    return cast("Callable[..., Any]", found)
