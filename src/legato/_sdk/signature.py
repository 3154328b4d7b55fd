"""Binding of arguments to a function's parameters; the common shapes without `inspect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from legato._sdk.exceptions import ParameterBindError, ReservedArgumentError

if TYPE_CHECKING:
    import inspect

_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200
_VARARGS, _VARKEYWORDS = 0x04, 0x08
RESERVED = ("return_state", "wait_for")


def underlying(fn: Callable[..., Any]) -> FunctionType | None:
    """Return the plain function behind a partial, a method or a callable object, if any."""
    seen: Any = fn
    while not isinstance(seen, FunctionType):
        if hasattr(seen, "func"):
            seen = seen.func
        elif hasattr(seen, "__func__"):
            seen = seen.__func__
        elif isinstance(type(seen).__call__, FunctionType):
            seen = type(seen).__call__
        else:
            return None
    return seen


class Colour:
    """Whether a function is async, and whether it yields."""

    __slots__ = ("isasync", "isgenerator")

    def __init__(self, fn: Callable[..., Any]) -> None:
        function = underlying(fn)
        flags = function.__code__.co_flags if function is not None else 0
        self.isasync = bool(flags & (_COROUTINE | _ASYNC_GENERATOR))
        self.isgenerator = bool(flags & (_GENERATOR | _ASYNC_GENERATOR))


class Signature:
    """The parameters of a function."""

    __slots__ = ("_fn", "_inspected", "defaults", "names", "simple")

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self._inspected: inspect.Signature | None = None
        self.simple: bool = False
        self.names: tuple[str, ...] = ()
        self.defaults: dict[str, Any] = {}
        if isinstance(fn, FunctionType) and not hasattr(fn, "__wrapped__"):
            code = fn.__code__
            plain = not (code.co_flags & (_VARARGS | _VARKEYWORDS))
            self.simple = plain and not code.co_kwonlyargcount and not code.co_posonlyargcount
            self.names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            given = fn.__defaults__ or ()
            self.defaults = dict(
                zip(self.names[code.co_argcount - len(given) :], given, strict=False)
            )
        else:
            self.names = tuple(self.inspected.parameters)
        for name in RESERVED:
            if name in self.names:
                raise ReservedArgumentError(
                    f"{name!r} is a reserved name, which every call takes; rename the parameter."
                )

    @property
    def inspected(self) -> inspect.Signature:
        """The signature as the standard library sees it."""
        if self._inspected is None:
            import inspect

            self._inspected = inspect.signature(self._fn)
        return self._inspected

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters by name, with defaults; raise ParameterBindError."""
        if self.simple:
            bound = self._bind_simple(args, kwargs)
            if bound is not None:
                return bound
        try:
            found = self.inspected.bind(*args, **kwargs)
        except TypeError as error:
            raise ParameterBindError(self._explain(error, args, kwargs)) from None
        found.apply_defaults()
        return dict(found.arguments)

    def _bind_simple(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        names, count = self.names, len(args)
        if count > len(names):
            return None
        bound = dict(zip(names, args, strict=False))
        if count == len(names):
            return None if kwargs else bound
        used = 0
        for name in names[count:]:
            if name in kwargs:
                bound[name] = kwargs[name]
                used += 1
            elif name in self.defaults:
                bound[name] = self.defaults[name]
            else:
                return None
        return bound if used == len(kwargs) else None

    def call_arguments(
        self, parameters: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return (args, kwargs) that pass `parameters` to the function."""
        if self.simple:
            return tuple(parameters[name] for name in self.names), {}
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name, parameter in self.inspected.parameters.items():
            if name not in parameters:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                args.extend(parameters[name])
            elif parameter.kind is parameter.VAR_KEYWORD:
                kwargs.update(parameters[name])
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[name] = parameters[name]
            else:
                args.append(parameters[name])
        return tuple(args), kwargs

    def _explain(self, error: TypeError, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        name = getattr(self._fn, "__name__", repr(self._fn))
        given = f"Given were {len(args)} positional and the keywords {sorted(kwargs)}."
        return f"The arguments do not fit {name}{self.inspected}: {error}. {given}" + "".join(
            _nearest(keyword, self.names) for keyword in kwargs if keyword not in self.names
        )


def _nearest(keyword: str, names: tuple[str, ...]) -> str:
    """Return a question about a keyword that is no parameter, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(keyword, names, 1)
    return f" Did you mean {near[0]!r} by {keyword!r}?" if near else ""
