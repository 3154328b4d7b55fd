"""Steps that earlier attempts of a run have finished: their results stand for another call.

A step is found by its key. A call whose inputs differ from those of the step in its place is what
`on_replay_change` decides about; steps that nobody asks for are what the code has left behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import Struct

from legato._model.attempts import Step
from legato._sdk.exceptions import ReplayChanged
from legato._sdk.step_keys import is_of_hook
from legato._sdk.step_places import Places

if TYPE_CHECKING:
    from uuid import UUID

OnChange = Literal["rerun", "reuse", "fail"]
NO_FINGERPRINT = "-"


class Changed(Struct):
    """A call has other inputs than the finished step in its place."""

    step: Step
    key: str


class Replay:
    """What is left of the steps of earlier attempts; each is given out once."""

    copies: ClassVar[bool] = False
    """Whether they are steps of another run, of which this one makes its own."""

    def __init__(self, steps: Iterable[Step], on_change: OnChange = "rerun") -> None:
        self._on_change: OnChange = on_change
        self._lock = Lock()
        self._calls: defaultdict[str, int] = defaultdict(int)
        self._places = Places()
        self._mixed: set[str] = set()
        self._finished: dict[str, Step] = {}
        self._left: dict[str, Step] = {}
        self._steps: dict[UUID, Step] = {}
        self._told: set[str] = set()
        self._children: defaultdict[str, list[Step]] = defaultdict(list)
        self.origins: dict[UUID, UUID] = {}
        self._nested: defaultdict[str, list[Step]] = defaultdict(list)
        for step in steps:
            if not is_of_hook(step.step_key):
                self._places.add(prefix_of(step.step_key), step)
                self._add(step)
        self._done = frozenset(self._finished)

    def _add(self, step: Step) -> None:
        if step.is_finished and step.result_id is not None:
            self._finished[step.step_key] = step
        elif step.is_open:
            self._left[step.step_key] = step
        self._steps[step.task_run_id] = step
        if step.origin != step.task_run_id:
            self.origins[step.task_run_id] = step.origin
        if step.child_flow_run_id is not None:
            self._children[step.step_key].append(step)
        for outer in scopes_of(step.step_key):
            self._nested[outer].append(step)

    def __len__(self) -> int:
        return len(self._finished)

    def take(self, key: str, in_order: bool) -> Step | Changed | None:
        """Return the finished step of that key, or the one in the place of a call like it.

        A call has a place if it and all before that are like it come `in_order`; in another thread
        or asyncio task any of them may be next. Raises ReplayChanged if the flow is to fail then.
        """
        with self._lock:
            prefix = prefix_of(key)
            place = self._calls[prefix]
            self._calls[prefix] = place + 1
            if not in_order:
                self._mixed.add(prefix)
            step = self._finished.pop(key, None)
            if step is not None:
                return step
            other = None if prefix in self._mixed else self._other(prefix, place)
            if other is None:
                return None
            if self._on_change == "reuse":
                return self._finished.pop(other.step_key)
            self._told.add(other.step_key)
        if self._on_change == "fail":
            raise ReplayChanged(
                f"The step {other.name!r} was finished with other inputs before"
                f" ({other.step_key}, now {key}), and on_replay_change is 'fail'."
            )
        return Changed(other, key)

    def left(self, key: str) -> Step | None:
        """Return the step of that key that was done, but has to run again all the same."""
        with self._lock:
            return self._left.pop(key, None)

    def step(self, task_run_id: UUID) -> Step | None:
        """Return a task run of an earlier attempt as that left it."""
        return self._steps.get(task_run_id)

    def claim(self, changed: Changed) -> Step:
        """Give out the step whose place a call has that was found to be the same."""
        with self._lock:
            return self._finished.pop(changed.step.step_key, changed.step)

    def _other(self, prefix: str, place: int) -> Step | None:
        step = self._places.step_at(prefix, place)
        return None if step is None else self._finished.get(step.step_key)

    def children(self, key: str) -> list[Step]:
        """Return the subflow of that key as earlier attempts left it, the latest one last."""
        return self._children.get(key, [])

    def left_in_place(self, key: str) -> Step | None:
        """Return the unfinished step in the place of the call like it that came last.

        None if such calls have no order.
        """
        prefix = prefix_of(key)
        with self._lock:
            if prefix in self._mixed:
                return None
            step = self._places.step_at(prefix, self._calls[prefix] - 1)
        return None if step is None or step.is_finished else step

    def unordered(self, key: str) -> bool:
        """Note that a step of that name runs again, as its calls have no order; tell if it did."""
        prefix = prefix_of(key)
        with self._lock:
            left = [one for one in self._finished if prefix_of(one) == prefix]
            new = any(one not in self._told for one in left)
            self._told.update(left)
        return new

    def within(self, key: str) -> tuple[list[Step], OnChange] | None:
        """Return what a replay of the steps in a step is made of, where that runs elsewhere."""
        steps = self._nested.get(key)
        if steps is None or self.copies:
            return None
        with self._lock:
            self._told.update(step.step_key for step in steps)
        return steps, self._on_change

    def unclaimed(self) -> list[Step]:
        """Return the finished steps that no call has asked for, so far.

        Without those of which it was said already that a call like theirs runs again, and those
        inside of other finished steps.
        """
        with self._lock:
            left = [step for key, step in self._finished.items() if key not in self._told]
            return [one for one in left if self._done.isdisjoint(scopes_of(one.step_key))]


def scopes_of(key: str) -> list[str]:
    """Return the keys of the steps that a step was called in."""
    parts = key.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def prefix_of(key: str) -> str:
    """Return scope and name of a step key, without fingerprint and ordinal."""
    return key.rsplit(":", 2)[0]


def has_label(key: str) -> bool:
    """Tell whether the option `step_key=` of a step takes part in its key."""
    return "#" in prefix_of(key).rpartition("/")[2]


def function_of(key: str) -> str:
    """Return the function of a step, with its module in front."""
    return prefix_of(key).rpartition("/")[2].partition("#")[0]


def has_fingerprint(key: str) -> bool:
    """Tell whether the arguments of a step take part in its key."""
    return key.rsplit(":", 2)[1:2] != [NO_FINGERPRINT]
