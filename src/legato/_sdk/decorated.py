"""What flows and tasks have in common: the user's function, seen from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from enum import Enum
from functools import partial, update_wrapper
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
)

from legato._sdk.advice import advised
from legato._sdk.introspection import BoundSignature, FunctionPart
from legato._sdk.options import Hook, checked_hooks, checked_name
from legato._sdk.signature import Colour, Signature

if TYPE_CHECKING:
    from typing import Self

F = TypeVar("F", contravariant=True)
P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")
H = TypeVar("H", bound=Hook)
# What a function that yields is annotated with; a task runner collects its items.
Items = Iterator[T] | AsyncIterator[T]


class _NoObject(Enum):
    """What nothing is bound to; a member of an enumeration stays itself when it is pickled."""

    NO_OBJECT = None


_NO_OBJECT: Any = _NoObject.NO_OBJECT


def function_name(fn: Any) -> str:
    """Return the name of a function, of what a partial wraps, or of a callable's class."""
    while isinstance(fn, partial):
        fn = fn.func
    inner: Any = getattr(fn, "__func__", fn)
    name: str | None = getattr(inner, "__name__", None)
    return name if name is not None else type(inner).__name__


class Binds(Protocol[F, P, R]):
    """For type checkers: what wraps a function whose first parameter is of type F.

    They do not tell a decorated classmethod or staticmethod from a function. So the overloads of
    `__get__` go by that type: the class makes a classmethod, an instance of it a method, and
    anything else a staticmethod. Two things they get wrong: a staticmethod whose first parameter
    takes anything passes for a method, and the `fn` of a bound method seems to be bound too.
    """

    def _wrapped(self) -> Callable[Concatenate[F, P], R]:
        """Return the function."""
        ...


class Decorated(Generic[P, R]):
    """A function with a name, a description and a colour; binds to objects as methods do."""

    noun = "function"
    banned = ""
    fn: Callable[P, R]
    name: str
    description: str | None
    isasync: bool
    isgenerator: bool
    _signature: Signature | None
    options: Any
    _receiver: Any
    _plan: Any
    _keeps: bool | None
    __code__: FunctionPart = FunctionPart()
    __defaults__: FunctionPart = FunctionPart()
    __kwdefaults__: FunctionPart = FunctionPart()
    __signature__: BoundSignature = BoundSignature()

    def _wrapped(self) -> Callable[P, R]:
        """Return the user's function."""
        return self.fn

    def _adopt(self, fn: Any, name: str | None, description: str | None) -> None:
        bound_later = type(fn) in (staticmethod, classmethod)
        if isinstance(fn, type) or not (bound_later or callable(fn)):
            raise self._misplaced(fn)
        self.fn = cast("Any", fn)
        given = name if name is not None else self._default_name(fn)
        self.name = checked_name(given, self.noun, self.banned)
        doc = getattr(fn, "__doc__", None) if hasattr(fn, "__name__") else None
        self.description = description if description is not None else _dedented(doc)
        colour = Colour(fn)
        self.isasync, self.isgenerator = colour.isasync, colour.isgenerator
        self._receiver = _NO_OBJECT
        self._signature = None
        if not bound_later:
            self._signature = Signature(fn)
        update_wrapper(cast("Any", self), fn, updated=())

    def _misplaced(self, fn: Any) -> TypeError:
        """Return the error of a decorator on something that is no function."""
        at = f"@{self.noun}"
        if isinstance(fn, type):
            error = TypeError(f"{at} must be put on a function, not on the class {fn.__name__}.")
            way_out = f"Put {at} on a method of it, or on a function that uses it."
        else:
            error = TypeError(f"{at} must be put on a function, not on {fn!r}.")
            way_out = f"Options are given by keyword: {at}(name={fn!r})."
            if not isinstance(fn, str):
                way_out = f"Write {at} or {at}(...) above a `def`."
        return advised(error, way_out)

    def _default_name(self, fn: Callable[..., Any]) -> str:
        return function_name(fn)

    @property
    def signature(self) -> Signature:
        """The parameters of the user's function."""
        if self._signature is None:
            self._signature = Signature(self.fn)
        return self._signature

    @property
    def ismethod(self) -> bool:
        """Whether this is bound to an object."""
        return self._receiver is not _NO_OBJECT

    @property
    def receiver(self) -> Any:
        """The object that this is bound to."""
        return self._receiver

    def _bind(self, instance: object | None, owner: Any) -> Self:
        """Bind as a function, a classmethod or a staticmethod of that kind binds."""
        fn: Any = self.fn
        if isinstance(fn, staticmethod):
            return self._bound(cast("Any", fn).__func__, _NO_OBJECT)
        if isinstance(fn, classmethod):
            return self._bound(cast("Any", fn).__func__, owner)
        return self if instance is None else self._bound(fn, instance)

    @property
    def persist_result(self) -> bool | None:
        """Whether results are stored, as the options say it or imply it; None: settings decide."""
        return self._keeps

    @property
    def result_storage(self) -> Any:
        """Where results are stored, if the options say so."""
        return self.options.result_storage

    @property
    def result_serializer(self) -> Any:
        """What turns results into bytes, if the options say so."""
        return self.options.result_serializer

    @property
    def cache_result_in_memory(self) -> bool:
        """Whether a stored result is kept in memory, too."""
        return self.options.cache_result_in_memory is not False

    def on_completion(self, fn: H) -> H:
        """Add a hook for Completed; it is called with this, the run and its state."""
        return self._add("on_completion", fn)

    def on_failure(self, fn: H) -> H:
        """Add a hook for Failed; it is called with this, the run and its state."""
        return self._add("on_failure", fn)

    def on_running(self, fn: H) -> H:
        """Add a hook for Running; it is called with this, the run and its state."""
        return self._add("on_running", fn)

    def _add(self, kind: str, hook: H) -> H:
        getattr(self, kind + "_hooks").extend(checked_hooks([hook], kind))
        self._plan = None
        return hook

    def bound_like(self, other: Self) -> Self:
        """Return this with the object that `other` is bound to."""
        self._receiver = other._receiver
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Travel by name where that is possible."""
        from legato._sdk.pickling import reduced

        return reduced(self) or super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what is made from the rest."""
        from legato._sdk.pickling import state_of

        return state_of(self)

    def _bound(self, fn: Callable[..., Any], receiver: Any) -> Self:
        """Return a copy whose calls pass `receiver` first; the user's function is untouched."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.fn = fn
        copy._receiver = receiver
        copy._signature = Signature(fn)
        return copy


def _dedented(doc: str | None) -> str | None:
    if not doc or "\n" not in doc:
        return doc
    import inspect

    return inspect.cleandoc(doc)
