"""Handles among the arguments of a call give way to the values that they stand for.

Handles are futures, states and the annotations around them. Containers are searched to a depth of
8, and only those that can hold a handle are copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from legato._model.states import State as StateRecord
from legato._model.states import StateType
from legato._sdk.advice import advised
from legato._sdk.annotations import Annotation, allow_failure, opaque
from legato._sdk.decorated import Decorated
from legato._sdk.exceptions import UpstreamTaskError
from legato._sdk.futures import Future, FutureList
from legato._sdk.states import State

_ATOMS = frozenset({int, float, str, bytes, bool, type(None), complex, range})
_CONTAINERS = (list, tuple, set, dict)
# typed as Any: a type checker would narrow values of no known type to classes of no known type
_FUTURE: Any = Future
_ANNOTATION: Any = Annotation
_HANDLES: Any = (StateRecord, Future, Annotation)
_SEEN_THROUGH: Any = (allow_failure, opaque)
DEPTH = 8


def hold_handles(args: Iterable[Any]) -> bool:
    """Tell whether any argument is, or holds, a handle."""
    for value in args:
        kind: Any = value.__class__
        if kind is Future or (kind not in _ATOMS and next(_handles(value), None) is not None):
            return True
    return False


def unfinished(values: Iterable[Any]) -> list[Future[Any]]:
    """Return the futures in the values that have not ended, each once."""
    found: dict[int, Future[Any]] = {}
    for value in values:
        kind: Any = value.__class__
        if kind is Future:  # usual, and spares three generators
            if not value.done:
                found[id(value)] = value
        elif kind not in _ATOMS:
            found.update(_unfinished_in(value))
    return list(found.values())


def _unfinished_in(value: Any) -> Iterator[tuple[int, Future[Any]]]:
    for handle in _handles(value):
        inner: Any = _content(handle) if isinstance(handle, _SEEN_THROUGH) else handle
        for future in _handles(inner):
            if isinstance(future, Future) and not future.done:
                yield id(cast("object", future)), future


def _content(annotation: Annotation[Any]) -> Any:
    return annotation.value


def _handles(value: Any, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, _HANDLES):
        yield value
        return
    items = _items(value, depth)
    for item in items:
        yield from _handles(item, depth + 1)


def _items(value: Any, depth: int) -> list[Any]:
    """Return the items of a container that can hold a handle, else nothing."""
    kind: Any = value.__class__
    if not issubclass(kind, _CONTAINERS) or not value or depth >= DEPTH:
        return []
    items: list[Any] = list(value.values() if issubclass(kind, dict) else value)
    return items if any(issubclass(held, _MAY_HOLD) for held in set(map(type, items))) else []


_MAY_HOLD = (*_CONTAINERS, *_HANDLES)


def arguments(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with values in the place of handles; all futures must have ended.

    Raises UpstreamTaskError for a run that did not complete.
    """
    by_name = {name: resolved(value) for name, value in kwargs.items()} if kwargs else {}
    return tuple([resolved(value) for value in args]), by_name


def resolved(value: Any) -> Any:
    """Return `value` with values in the place of handles; the same object if there are none."""
    kind: Any = value.__class__
    if kind is Future and value.completed:
        return value.result()
    return value if kind in _ATOMS else _mapped(value, _value_of)


def states_for_futures(value: Any) -> Any:
    """Return `value` with the states of futures in the place of futures; waits for each."""
    return _mapped(value, _state_of)


def results_for_futures(value: Any) -> Any:
    """Return `value` with the results of futures in the place of futures; waits for each."""
    return _mapped(value, _result_of)


def require_completed(handles: Iterable[Any]) -> None:
    """Raise UpstreamTaskError for the first run that did not complete, as `wait_for` asks."""
    for handle in handles:
        for found in _handles(handle):
            if not isinstance(found, Annotation):
                _value_of(found)


def _mapped(value: Any, of: Callable[[Any], Any], depth: int = 0) -> Any:
    if isinstance(value, _HANDLES):
        return of(value)
    items = _items(value, depth)
    if not items:
        return [] if value.__class__ is FutureList else value
    found = [_mapped(item, of, depth + 1) for item in items]
    if all(new is old for new, old in zip(found, items, strict=True)):
        return value
    return _rebuilt(value, found)


def _rebuilt(value: Any, items: list[Any]) -> Any:
    """Return a container of the same kind with other items; a list in the place of futures."""
    kind: Any = value.__class__
    if kind is FutureList:
        return items
    if dict in kind.__mro__:
        made: Any = dict(zip(value, items, strict=True))
        return made if kind is dict else kind(made)
    if hasattr(kind, "_make"):  # a named tuple
        return kind._make(items)
    return kind(items)


def _value_of(handle: Any) -> Any:
    if isinstance(handle, _ANNOTATION):
        return _content_of(handle)
    if isinstance(handle, _FUTURE) and handle.completed:  # spares a state for users
        return handle.result()
    state = _state_of(handle)
    if state.type is not StateType.COMPLETED:
        raise _upstream_error(handle, state)
    return _with(state.result(), _value_of)


def _content_of(annotation: Annotation[Any]) -> Any:
    value: Any = annotation.value
    if isinstance(annotation, allow_failure):
        return _mapped(value, _value_or_error)
    if isinstance(annotation, opaque) and isinstance(value, _HANDLES):
        return _value_of(value)
    return value


def _value_or_error(handle: Any) -> Any:
    if isinstance(handle, _ANNOTATION):
        return _content_of(handle)
    state = _state_of(handle)
    if state.type is StateType.COMPLETED:
        return _with(state.result(), _value_or_error)
    return state.exception()


def _with(result: Any, of: Callable[[Any], Any]) -> Any:
    """Return a result; a list that a flow returned may hold states, a state alone is the result."""
    return result if isinstance(result, _HANDLES) else _mapped(result, of)


def _state_of(handle: Any) -> State:
    if isinstance(handle, _FUTURE):
        handle.wait()
        return cast("State", handle.state)
    return cast("State", handle)


def _result_of(handle: Any) -> Any:
    return handle.result() if isinstance(handle, _FUTURE) else handle


def _upstream_error(handle: Any, state: State) -> UpstreamTaskError:
    details = state.state_details
    run_id = getattr(handle, "task_run_id", None) or (details and details.task_run_id)
    noun = "task run"
    if run_id is None and details is not None and details.flow_run_id is not None:
        noun, run_id = "flow run", details.flow_run_id
    which = f" '{run_id}'" if run_id is not None else ""
    if isinstance(handle, _FUTURE):
        which = f" {handle.name!r} ({run_id})"
    error = advised(
        UpstreamTaskError(
            f"Upstream {noun}{which} did not reach a 'COMPLETED' state.", state=state
        ),
        "Wrap the argument in allow_failure(...) if the task is to run all the same.",
    )
    if isinstance(state.data, BaseException):
        error.__cause__ = state.data
    return error


def listed(wait_for: Any) -> list[Any]:
    """Return what `wait_for` names as a list; a single future or state is one too.

    Raises TypeError for a task or flow, which is not a run to wait for, and for text.
    """
    if isinstance(wait_for, str):
        raise TypeError(f"wait_for must be a list of futures or states, not the text {wait_for!r}.")
    found = list(wait_for) if hasattr(wait_for, "__iter__") else [wait_for]
    for one in found:
        if isinstance(one, Decorated):
            raise TypeError(
                f"wait_for has {one!r}, which is no run: give what {one.name}.submit(...) returned."
            )
    return found
