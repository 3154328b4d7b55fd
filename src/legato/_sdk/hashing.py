"""Hashes of values by content, alike in every process.

A value is written into a digest, piece by piece, each with a tag and a length, so that no two
values give the same bytes: `1`, `1.0`, `True` and `"1"` differ, and so do `["ab"]` and
`["a", "b"]`. What has no order (sets, the keys of dicts) is sorted by its own hashes.

What is no container, no plain value and no kind of its own is taken apart as pickle takes it apart
(`__reduce_ex__`): its class, the arguments to make it anew, its state. The bytes of a pickle would
not do: they differ with the order of a set, and with whether two equal strings are one object.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from legato._sdk.exceptions import HashError

# Their reprs say all there is to say, and no two of them look alike.
_PLAIN = frozenset({int, float, bool, str, bytes, type(None), complex})
_TEXT = frozenset({str})
_SORTABLE = frozenset({int, str, bytes})
_SIZE = 16
_reducers = cast("Mapping[Any, Callable[[Any], Any]]", copyreg.dispatch_table)
Write = Callable[["Writer", Any], None]


def hash_value(value: Any, name: str = "value") -> str:
    """Return the hash of a value, 32 hexadecimal digits.

    Raises HashError, which calls the value by its `name` and says what in it has no content.

    >>> hash_value({"a": 1, "b": {2, 3}}) == hash_value({"b": {3, 2}, "a": 1})
    True
    >>> hash_value(1) == hash_value(True)
    False
    """
    writer = Writer()
    try:
        writer.value(value)
    except Unhashable as error:
        raise HashError(f"{name}{error}.") from error
    except RecursionError:
        raise HashError(f"{name} is nested too deeply to be hashed.") from None
    return writer.hexdigest()


class Unhashable(Exception):
    """A value that has no content, as a lock has none; the steps to it are added on the way up."""

    def __init__(self, value: Any, why: str) -> None:
        super().__init__(why)
        kind = _type_of(value)
        self._is = (
            f"is a {kind.__module__}.{kind.__qualname__}, which has no content to hash: {why}"
        )
        self.steps: list[str] = []

    def __str__(self) -> str:
        """Say what stands where, as in `['rows'][2].lock is a _thread.lock, ...`."""
        return f"{''.join(reversed(self.steps))} {self._is}"


class Writer:
    """Writes values into a digest; subclasses may see functions and classes in another way."""

    def __init__(self, opened: set[int] | None = None) -> None:
        self._digest = blake2b(digest_size=_SIZE)
        self._open: set[int] = set() if opened is None else opened

    def hexdigest(self) -> str:
        return self._digest.hexdigest()

    def fresh(self) -> Writer:
        """Return a writer for a part whose place is not known yet, as a member of a set."""
        return type(self)(self._open)

    def feed(self, tag: str, data: str | bytes | memoryview = b"") -> None:
        """Write a piece: tag, length, data."""
        if isinstance(data, str):
            text = f"{tag}:{len(data)};{data}"
            try:
                self._digest.update(text.encode())
            except UnicodeEncodeError:  # half of a surrogate pair
                self._digest.update(text.encode("utf-8", "surrogatepass"))
            return
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        self._digest.update(f"{tag}:{size};".encode())
        self._digest.update(data)

    def value(self, value: Any) -> None:
        """Write any value."""
        kind = _type_of(value)
        if kind in _PLAIN:
            self.plain(value)
            return
        write = _EXACT.get(kind) or _writer_of(kind)
        if id(value) in self._open:
            raise Unhashable(value, "it contains itself")
        self._open.add(id(value))
        try:
            write(self, value)
        finally:
            self._open.discard(id(value))

    def plain(self, value: Any) -> None:
        """Write what its repr says all of."""
        try:
            self.feed("p", repr(value))
        except ValueError:  # more digits than the interpreter is willing to print
            self.feed("big", hex(value))

    def step(self, step: str, value: Any) -> None:
        """Write a part of a value; who cannot be hashed is named by the way to it."""
        try:
            self.value(value)
        except Unhashable as error:
            error.steps.append(step)
            raise

    def items(self, tag: str, items: list[Any]) -> None:
        """Write values in their order."""
        if _PLAIN.issuperset(map(type, items)):
            try:
                self.feed(tag, repr(items))
            except ValueError:
                pass  # a huge whole number
            else:
                return
        self.feed(f"{tag}*", str(len(items)))
        for index, item in enumerate(items):
            self.step(f"[{index}]", item)

    def pairs(self, tag: str, pairs: list[tuple[Any, Any]], shape: str = "[{!r}]") -> None:
        """Write keys and values, in the order of the keys."""
        if all(type(key) is str for key, _ in pairs):
            pairs.sort(key=_first)
            self.feed(f"{tag}s", str(len(pairs)))
            for key, value in pairs:
                self.feed("k", key)
                self.step(shape.format(key), value)
            return
        self.feed(f"{tag}k", str(len(pairs)))
        hashed = [(self.part("a key", key), key, value) for key, value in pairs]
        for digest, key, value in sorted(hashed, key=_first):
            self.feed("k", digest)
            self.step(shape.format(key), value)

    def part(self, step: str, value: Any) -> str:
        """Return the hash of a part."""
        writer = self.fresh()
        writer.step(f" ({step})", value)
        return writer.hexdigest()

    def members(self, tag: str, members: Iterable[Any]) -> None:
        """Write values that have no order."""
        found = list(members)
        kinds = set(map(type, found))
        if len(kinds) == 1 and kinds <= _SORTABLE:
            self.items(tag, sorted(found))
        else:
            self.feed(f"{tag}*", str(len(found)))
            for digest in sorted(self.part("a member", member) for member in found):
                self.feed("m", digest)

    def name(self, tag: str, named: Any) -> None:
        """Write a class or function by its name."""
        self.feed(tag, f"{named.__module__}:{named.__qualname__}")

    def module(self, module: ModuleType) -> None:
        """Write a module by its name."""
        self.feed("module", module.__name__)

    def function(self, function: FunctionType) -> None:
        """Write a function: name, code, defaults, and what it holds from the code around it."""
        from legato._sdk.code_digest import code_digest

        self.name("f", function)
        self.feed("code", code_digest(function.__code__))
        self.step(" (a default)", [function.__defaults__, function.__kwdefaults__])
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=False
        ):
            content = _content(cell)
            if id(content) in self._open:
                self.feed("again", name)  # it calls itself
            else:
                self.step(f" (its variable {name})", content)

    def type_(self, kind: type[Any]) -> None:
        """Write a class that is itself the value: its name and the code of its methods."""
        from legato._sdk.code_digest import code_digest

        self.name("c", kind)
        for name, member in sorted(vars(kind).items()):
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(function, FunctionType):
                self.feed("method", f"{name} {code_digest(function.__code__)}")


def _type_of(value: Any) -> Any:
    return cast("Any", type(value))


def _first(pair: tuple[Any, ...]) -> Any:
    return pair[0]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _list(writer: Writer, value: list[Any]) -> None:
    writer.items("l", value)


def _tuple(writer: Writer, value: tuple[Any, ...]) -> None:
    writer.items("t", list(value))


def _dict(writer: Writer, value: dict[Any, Any]) -> None:
    if _PLAIN.issuperset(map(type, value.values())) and _TEXT.issuperset(map(type, value)):
        pairs = sorted(value.items())
        try:
            writer.feed("d", repr(pairs))
        except ValueError:
            writer.pairs("d", pairs)
    else:
        writer.pairs("d", list(value.items()))


def _set(writer: Writer, value: set[Any]) -> None:
    writer.members("set", value)


def _frozenset(writer: Writer, value: frozenset[Any]) -> None:
    writer.members("frozenset", value)


def _bytes(writer: Writer, value: Any) -> None:
    writer.feed(type(value).__name__, bytes(value))


def _module(writer: Writer, value: ModuleType) -> None:
    writer.module(value)


def _builtin(writer: Writer, value: Any) -> None:
    """Write a function of C: by its name, and by what it is bound to unless that is a module."""
    home: Any = getattr(value, "__objclass__", value)
    owner = getattr(value, "__self__", None)
    writer.feed("b", f"{home.__module__}:{value.__qualname__}")
    if owner is not None and not isinstance(owner, ModuleType):
        writer.step(" (what it is bound to)", owner)


def _method(writer: Writer, value: MethodType) -> None:
    writer.feed("method")
    writer.value(value.__func__)
    writer.step(" (what it is bound to)", value.__self__)


def _partial(writer: Writer, value: partial[Any]) -> None:
    writer.feed("partial")
    writer.step(" (its function)", value.func)
    writer.step(" (its arguments)", [value.args, value.keywords])


def write_object(writer: Writer, value: Any) -> None:
    """Write what pickle would keep of an object."""
    reducer = _reducers.get(type(value))
    reduced: Any
    try:
        reduced = reducer(value) if reducer is not None else value.__reduce_ex__(4)
    except Exception as error:
        raise Unhashable(value, str(error)) from error
    if isinstance(reduced, str):
        writer.feed("global", f"{type(value).__module__}:{reduced}")
        return
    parts: list[Any] = [*reduced, None, None, None]
    make, arguments, state, items, pairs = parts[:5]
    _made_by(writer, make)
    _arguments(writer, arguments)
    if items is not None:
        writer.items("items", list(items))
    if pairs is not None:
        _pairs_of(writer, value, list(pairs))
    if state is not None:
        write_state(writer, state)


def _made_by(writer: Writer, make: Any) -> None:
    if isinstance(make, type | FunctionType):
        writer.name("by", make)
    else:
        writer.step(" (how it is made)", make)


def _arguments(writer: Writer, arguments: tuple[Any, ...]) -> None:
    """Write the arguments that make an object; its class is among them by name only."""
    writer.feed("arguments", str(len(arguments)))
    for index, argument in enumerate(arguments):
        if isinstance(argument, type):
            writer.name("of", cast("Any", argument))
        else:
            writer.step(f" (part {index})", argument)


def _pairs_of(writer: Writer, value: Any, pairs: list[tuple[Any, Any]]) -> None:
    if hasattr(value, "move_to_end"):  # an OrderedDict is equal to another only in the same order
        writer.items("ordered", pairs)
    else:
        writer.pairs("items", pairs)


def write_state(writer: Writer, state: Any) -> None:
    """Write the attributes of an object."""
    kind = _type_of(state)
    if kind is tuple and len(state) == 2:
        writer.feed("states")
        for part in state:  # __dict__ and slots
            write_state(writer, part)
    elif kind is dict:
        writer.pairs("state", list(state.items()), ".{}")
    else:
        writer.step(" (its state)", state)


def _function(writer: Writer, value: FunctionType) -> None:
    writer.function(value)


def _type(writer: Writer, value: type[Any]) -> None:
    writer.type_(value)


_EXACT: dict[type, Write] = {
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _frozenset,
    bytearray: _bytes,
    memoryview: _bytes,
    ModuleType: _module,
    FunctionType: _function,
    BuiltinFunctionType: _builtin,
    type(str.upper): _builtin,
    type(int.__add__): _builtin,
    MethodType: _method,
    partial: _partial,
    type: _type,
}


@lru_cache(maxsize=2048)
def _writer_of(kind: type[Any]) -> Write:
    """Return what writes values of a type that has no exact entry."""
    from legato._sdk.hashing_kinds import writer_of

    if issubclass(kind, type):
        return _type
    return writer_of(kind) or write_object
