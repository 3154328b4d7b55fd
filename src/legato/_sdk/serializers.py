"""From values to bytes and back: json, pickle, and either of them compressed."""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from legato._sdk.advice import advised
from legato._sdk.exceptions import ConfigurationError, SerializationError

NAMES = ("json", "pickle", "compressed/json", "compressed/pickle")


@runtime_checkable
class Serializer(Protocol):
    """Turns a value into bytes and back."""

    type: str

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` as bytes; raise SerializationError if it cannot be."""
        ...

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made `blob` from."""
        ...


def _cloudpickle() -> Any:
    """Return the module, which has no types."""
    return import_module("cloudpickle")


class JSONSerializer:
    """Values as JSON text; pydantic models and dataclasses lose their class."""

    type = "json"

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` as JSON; raise SerializationError if it has no JSON form."""
        import msgspec

        try:
            return msgspec.json.encode(obj)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise SerializationError(f"The value has no JSON form: {error}") from error

    def loads(self, blob: bytes) -> Any:
        """Return the value of JSON text."""
        import msgspec

        return msgspec.json.decode(blob)


class PickleSerializer:
    """Any Python value, as base64 text of a pickle that holds functions by value."""

    type = "pickle"

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` pickled; raise SerializationError if it cannot be."""
        cloudpickle = _cloudpickle()

        try:
            return base64.b64encode(cloudpickle.dumps(obj))
        except Exception as error:
            raise advised(
                SerializationError(f"A {type(obj).__name__} cannot be pickled: {error}"),
                "A result that is stored has to be data. Return what it was made from, or leave "
                "it unstored: persist_result=False.",
            ) from error

    def loads(self, blob: bytes) -> Any:
        """Return the value of a pickle. Load only what comes from your own storage."""
        cloudpickle = _cloudpickle()

        return cloudpickle.loads(base64.b64decode(blob))


class CompressedSerializer:
    """What another serializer makes, compressed by LZMA."""

    def __init__(self, serializer: Serializer) -> None:
        self.serializer = serializer
        self.type: str = f"compressed/{serializer.type}"

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` serialised and compressed."""
        import lzma

        return base64.b64encode(lzma.compress(self.serializer.dumps(obj)))

    def loads(self, blob: bytes) -> Any:
        """Return the value that `dumps` made `blob` from."""
        import lzma

        return self.serializer.loads(lzma.decompress(base64.b64decode(blob)))


def CompressedJSONSerializer() -> CompressedSerializer:  # noqa: N802 - a class elsewhere
    """Return a serializer of compressed JSON."""
    return CompressedSerializer(JSONSerializer())


def CompressedPickleSerializer() -> CompressedSerializer:  # noqa: N802 - a class elsewhere
    """Return a serializer of compressed pickles."""
    return CompressedSerializer(PickleSerializer())


def serializer_of(given: object) -> Serializer:
    """Return the serializer that an option names or is; raise ConfigurationError."""
    if isinstance(given, str):
        kind, _, inner = given.partition("/")
        if kind == "compressed" and inner:
            return CompressedSerializer(serializer_of(inner))
        if given == "json":
            return JSONSerializer()
        if given == "pickle":
            return PickleSerializer()
    elif isinstance(given, Serializer) and not isinstance(given, type):
        return given
    raise ConfigurationError(
        f"There is no serializer {given!r}. Known are {', '.join(NAMES)}, or an object with "
        "`type`, `dumps` and `loads`."
    )
