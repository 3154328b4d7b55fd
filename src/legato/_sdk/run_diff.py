"""What two flow runs differ in, and what became of their tasks. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import UNSET, Struct, UnsetType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from legato._model.environments import Environment
    from legato._model.task_runs import TaskRun

V = TypeVar("V")


class Pair(Struct, omit_defaults=True):
    """A value of the one run and of the other; UNSET where a run has none."""

    a: Any | UnsetType = UNSET
    b: Any | UnsetType = UNSET


class TaskSide(Struct):
    """What became of the runs of a task in one flow run."""

    states: dict[str, int]
    """How many ended, or are, in which state."""
    seconds: float
    """What all of them together spent running."""


class TaskDiff(Struct, omit_defaults=True):
    """A task in both flow runs; None where it was not called."""

    task: str
    a: TaskSide | None = None
    b: TaskSide | None = None

    @property
    def is_same(self) -> bool:
        """Whether it was called as often, and ended as well, in both."""
        return self.a is not None and self.b is not None and self.a.states == self.b.states


def differences(a: Mapping[str, V], b: Mapping[str, V]) -> dict[str, Pair]:
    """Return the names under which two mappings have not the same value."""
    found: dict[str, Pair] = {}
    for name in dict.fromkeys((*a, *b)):
        pair = Pair(a.get(name, UNSET), b.get(name, UNSET))
        if pair.a != pair.b or type(pair.a) is not type(pair.b):
            found[name] = pair
    return found


def packages(a: Environment | None, b: Environment | None) -> dict[str, Pair]:
    """Return the packages, and Python and the platform, that are not the same; none if unknown."""
    if a is None or b is None:
        return {}
    others = [{"python": each.python, "platform": each.platform} for each in (a, b)]
    versions = [{**each.packages, "legato": each.legato} for each in (a, b)]
    return differences(*others) | differences(*versions)


def tasks(a: Iterable[TaskRun], b: Iterable[TaskRun]) -> list[TaskDiff]:
    """Return what became of each task, in the order of the first calls."""
    sides = _by_task(a), _by_task(b)
    names = dict.fromkeys((*sides[0], *sides[1]))
    return [TaskDiff(name, *(_side(side.get(name)) for side in sides)) for name in names]


def versions(runs: Iterable[TaskRun]) -> dict[str, str]:
    """Return the versions of tasks that have one."""
    return {task_of(run): run.task_version for run in runs if run.task_version is not None}


def task_of(run: TaskRun) -> str:
    """Return the name of a task as its runs have it, without their number."""
    name, dash, number = run.name.rpartition("-")
    return name if dash and number.isdecimal() else run.name


def _by_task(runs: Iterable[TaskRun]) -> dict[str, list[TaskRun]]:
    found: dict[str, list[TaskRun]] = {}
    for run in sorted(runs, key=lambda run: run.id):
        found.setdefault(task_of(run), []).append(run)
    return found


def _side(runs: Sequence[TaskRun] | None) -> TaskSide | None:
    if runs is None:
        return None
    states = Counter(run.state_name or "-" for run in runs)
    seconds = sum(run.total_run_time.total_seconds() for run in runs)
    return TaskSide(dict(states), seconds)
