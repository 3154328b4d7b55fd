"""What `inspect` finds on a flow or task: the parts of the user's function, without copies.

`inspect` takes an object for a function if it has these parts: so it can tell whether a task is a
coroutine function or a generator function. They are there on flows and tasks, not on the classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._sdk.signature import underlying

if TYPE_CHECKING:
    import inspect


class FunctionPart:
    """An attribute of the function that is wrapped."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        function = None if instance is None else underlying(instance.fn)
        if function is None:
            raise AttributeError(self._name)
        return getattr(function, self._name)


class BoundSignature:
    """The signature of a bound flow or task: without the parameter that is given already."""

    def __get__(self, instance: Any, owner: type | None = None) -> inspect.Signature:
        if instance is None or not instance.ismethod:
            raise AttributeError("__signature__")
        whole: inspect.Signature = instance.signature.inspected
        return whole.replace(parameters=list(whole.parameters.values())[1:])
