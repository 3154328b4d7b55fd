"""What flows and tasks have in common: the user's function, seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, cast

from legato._sdk.options import checked_name
from legato._sdk.signature import Colour, Signature

if TYPE_CHECKING:
    from typing import Self


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


class Decorated:
    """A function with a name, a description and a colour; binds to objects as methods do."""

    noun = "function"
    banned = ""
    fn: Callable[..., Any]
    name: str
    description: str | None
    isasync: bool
    isgenerator: bool
    _signature: Signature | None
    _receiver: Any

    def _adopt(self, fn: Any, name: str | None, description: str | None) -> None:
        bound_later = type(fn) in (staticmethod, classmethod)
        if not bound_later and not callable(fn):
            raise TypeError(f"@{self.noun} must be put on a function, not on {fn!r}.")
        self.fn = fn
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

    def __get__(self, instance: object | None, owner: type | None = None) -> Self:
        """Bind as a function, a classmethod or a staticmethod of that kind binds."""
        fn: Any = self.fn
        if isinstance(fn, staticmethod):
            return self._bound(cast("Any", fn).__func__, _NO_OBJECT)
        if isinstance(fn, classmethod):
            return self._bound(cast("Any", fn).__func__, owner)
        return self if instance is None else self._bound(fn, instance)

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
