"""Which task run made a value: handles know it, plain values are remembered for a while.

At least the latest 10,000 values are remembered. Small strings, numbers and bytes are held, what
supports weak references is held by one. A list, dict or set is known by its identity, length and
first item, and is not held. So an edge can be missed, and a large object is never kept alive for
the sake of an edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import ref

from legato._model.states import State
from legato._model.task_runs import PARENTS, FlowRunInput, RunInput, TaskRunInput
from legato._sdk.annotations import Annotation, quote
from legato._sdk.context import RunContext, TaskRunContext
from legato._sdk.futures import Future, FutureList

if TYPE_CHECKING:
    from typing import Self

    from legato._sdk.private_values import KeptBack

RunId = TaskRunInput | FlowRunInput
LIMIT = 10_000
_HELD = (str, bytes, int, float)
_SHAPED = (list, dict, set, tuple)
# as Any: a type checker would narrow a value to an annotation of no known type
_ANNOTATION: Any = Annotation
_ATOMS = frozenset({str, bytes, int, float, bool, type(None)})
_SEARCHED = (list, tuple, set, dict, FutureList)
_UNTRACKED = (bool, type(None), type(...), type(NotImplemented))
_SMALL_INTS = range(-5, 257)
_HOLD_BYTES = 1024
_SCANNED = 64


class Lineage:
    """The values that the task runs of one flow run returned.

    There are two generations of makers; when the younger one is full, the older one is forgotten.
    """

    __slots__ = ("_makers", "_older", "kept_back")

    def __init__(self) -> None:
        self.kept_back: KeptBack | None = None
        """What is not to be written of these values, once there is any."""
        self._makers: dict[int, tuple[Any, UUID]] = {}
        self._older: dict[int, tuple[Any, UUID]] = {}

    def remember(self, value: Any, task_run_id: UUID) -> None:
        """Note that the task run returned `value`."""
        proof = _proof(value)
        if proof is None:
            return
        makers = self._makers
        makers[id(value)] = (proof, task_run_id)
        if len(makers) >= LIMIT:
            self._older, self._makers = makers, {}

    def maker(self, value: Any) -> UUID | None:
        """Return the task run that made `value`, if it is known."""
        found = self._makers.get(id(value)) or self._older.get(id(value))
        if found is None:
            return None
        proof, task_run_id = found
        if type(proof) is _Shape:
            return task_run_id if proof == _Shape(value) else None
        held: Any = proof
        if type(proof) is ref:
            held = held()
        return task_run_id if held is value else None

    def inputs(
        self, parameters: Mapping[str, Any], wait_for: Any, outer: RunContext | None
    ) -> dict[str, list[RunInput]]:
        """Return, for each parameter, the runs that its value came from.

        Beside them stand the runs that are waited for, and the task in which the call is made.
        """
        makers, older = self._makers, self._older
        found: dict[str, Any] = {}
        for name, value in parameters.items():
            if value.__class__ in _ATOMS:  # held as they are, so identity proves the maker
                entry = makers.get(id(value)) or older.get(id(value))
                is_known = entry is not None and entry[0] is value
                found[name] = self.of(value) if is_known else []
            else:
                found[name] = self.of(value)
        if wait_for:
            found["wait_for"] = self.of(wait_for)
        if isinstance(outer, TaskRunContext):
            found[PARENTS] = [TaskRunInput(id=outer.id)]
        return found

    def of(self, value: Any) -> list[RunId]:
        """Return the runs that `value`, or the items of a small container, came from, once each."""
        if isinstance(value, State):
            return _of_state(value)
        if isinstance(value, Future):
            return [TaskRunInput(id=value.task_run_id)]
        if isinstance(value, _ANNOTATION):
            return [] if isinstance(value, quote) else self.of(value.unwrap())
        if maker := self.maker(value):
            return [TaskRunInput(id=maker)]
        kind: Any = value.__class__
        if kind in _SEARCHED and 0 < len(value) <= _SCANNED:
            items: Any = value.values() if kind is dict else value
            found = {one.id: one for item in items for one in self.of(item)}
            return [*found.values()]
        return []


def _of_state(state: State) -> list[RunId]:
    details = state.state_details
    if details is None:
        return []
    if details.task_run_id is not None:
        return [TaskRunInput(id=details.task_run_id)]
    return [] if details.flow_run_id is None else [FlowRunInput(id=details.flow_run_id)]


class _Shape(tuple[int, int]):
    """Length and first item's identity of a container: tells a reused address apart."""

    __slots__ = ()

    def __new__(cls, value: Any) -> Self:
        return super().__new__(cls, (len(value), id(next(iter(value), None))))


def _proof(value: Any) -> Any:
    """Return what will show later that an object at this address is `value`; None: nothing."""
    if isinstance(value, _UNTRACKED) or (type(value) is int and value in _SMALL_INTS):
        return None
    if isinstance(value, _HELD):
        return value if value.__sizeof__() <= _HOLD_BYTES else None
    if isinstance(value, _SHAPED):
        return _Shape(value)
    try:
        return ref(value)
    except TypeError:
        return None
