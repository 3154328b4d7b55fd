"""What becomes of the steps of a run that is done again: reused, or run again, and why.

Pure. A run is a tree: flow runs hold steps, and a step holds what it called itself, tasks under
its own key and subflows as a flow run. Whoever holds a step that runs again runs again, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from msgspec import Struct

from legato._model.attempts import Step
from legato._sdk.replay import function_of, has_fingerprint, has_label, prefix_of
from legato._sdk.resumption import Planned, why_again
from legato._sdk.step_keys import is_of_hook

ALL = "all steps are to run again"
NOT_COMPARED = "its arguments cannot be compared"


class Choice(Struct, frozen=True, kw_only=True):
    """What is to run again besides what has not finished."""

    all_tasks: bool = False
    since: UUID | None = None
    """The task run with which it begins; all that was called later runs again."""
    changed: bool = False
    """Whether the flow is called with other parameters."""
    replays: bool = False
    """Whether retries of the run found its finished steps again, so that their keys came back."""


class RunPlan(Struct):
    """The steps of one flow run by their keys: as they ended last, or finished."""

    steps: dict[str, Step]
    keys: dict[UUID, str]
    """The key of each task run of the flow run, superseded ones as well."""


class Plan(Struct):
    """What becomes of all steps, in the order of their calls."""

    runs: dict[UUID, RunPlan]
    why: dict[UUID, str]
    """Why a step runs again; empty for one that is reused."""
    holders: dict[UUID, UUID]
    """The step that a step was called in."""

    def steps(self) -> list[Planned]:
        """Return what the new run is going to ask for: not what is within a reused step."""
        found: dict[UUID, Planned] = {}
        every = (step for run in self.runs.values() for step in run.steps.values())
        for step in sorted(every, key=lambda step: step.task_run_id):
            holder = self.holders.get(step.task_run_id)
            if holder is None or (holder in found and not found[holder].is_reused):
                found[step.task_run_id] = Planned(step, self.why[step.task_run_id])
        return list(found.values())


def plan(runs: Mapping[UUID, list[Step]], choice: Choice) -> Plan:
    """Decide about the steps of a flow run and of the subflow runs below it."""
    made = {run_id: _run_plan(steps, choice.replays) for run_id, steps in runs.items()}
    decided = Plan(made, {}, _holders(made))
    every = [step for run in made.values() for step in run.steps.values()]
    every.sort(key=lambda step: step.task_run_id)
    begun = _holding(decided.holders, choice.since)
    aliases = _aliases(made)
    again: list[Step] = []
    for step in every:
        why = _named(step, choice, begun) or why_again(step)
        why = why or _upstream(step, again, aliases) or _not_compared(step, choice, again)
        decided.why[step.task_run_id] = why
        if why:
            again.append(step)
    return decided


def _named(step: Step, choice: Choice, begun: set[UUID]) -> str:
    """Say why a step runs again whatever became of it: it was named, or comes after."""
    if choice.all_tasks:
        return ALL
    if choice.since is None:
        return ""
    if step.task_run_id == choice.since:
        return "it is where to begin"
    if step.task_run_id in begun:
        return "it holds where to begin"
    return "it was called later" if step.task_run_id > choice.since else ""


def _upstream(step: Step, again: list[Step], aliases: Mapping[UUID, UUID]) -> str:
    sources = {aliases.get(one, one) for one in step.inputs}
    names = [other.name for other in again if other.task_run_id in sources]
    return f"it takes what {names[0]} returns" if names else ""


def _not_compared(step: Step, choice: Choice, again: list[Step]) -> str:
    """Say why a step runs again whose arguments its key does not tell.

    What may have come into them ended before the call; a step within another one is never found.
    """
    if has_fingerprint(step.step_key):
        return ""
    if "/" in step.step_key and not has_label(step.step_key):
        return NOT_COMPARED
    if choice.changed:
        return f"{NOT_COMPARED}, and the parameters are others"
    before = [one.name for one in again if one.state.timestamp <= step.created_at]
    return f"{NOT_COMPARED}, and {before[0]} runs again before it" if before else ""


def _run_plan(steps: list[Step], replays: bool) -> RunPlan:
    """Give each key its step: the finished one, or the last one that was tried."""
    steps = [step for step in steps if not is_of_hook(step.step_key)]
    keys = _keys(steps, replays)
    latest: dict[str, Step] = {}
    for step in steps:
        known = latest.get(keys[step.task_run_id])
        if known is None or not known.is_finished:
            latest[keys[step.task_run_id]] = step
    return RunPlan(latest, keys)


def _keys(steps: list[Step], replays: bool) -> dict[UUID, str]:
    """Return the keys as a first try would have them.

    A retry of a flow that is not durable counts on; its calls are the same ones all the same.
    """
    once = len({step.tries for step in steps}) < 2
    if once or replays or len({step.step_key for step in steps}) < len(steps):
        return {step.task_run_id: step.step_key for step in steps}
    found: dict[UUID, str] = {}
    renamed: dict[str, str] = {}
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for step in steps:
        scope, slash, call = step.step_key.rpartition("/")
        prefix = renamed.get(scope, scope) + slash + call.rpartition(":")[0]
        key = f"{prefix}:{counts[step.tries, prefix]}"
        counts[step.tries, prefix] += 1
        found[step.task_run_id] = renamed[step.step_key] = key
    return found


def _holders(runs: Mapping[UUID, RunPlan]) -> dict[UUID, UUID]:
    above = {
        step.child_flow_run_id: step.task_run_id
        for run in runs.values()
        for step in run.steps.values()
        if step.child_flow_run_id is not None
    }
    found: dict[UUID, UUID] = {}
    for run_id, run in runs.items():
        for key, step in run.steps.items():
            outer = run.steps.get(key.rpartition("/")[0])
            holder = above.get(run_id) if outer is None else outer.task_run_id
            if holder is not None:
                found[step.task_run_id] = holder
    return found


def _holding(holders: Mapping[UUID, UUID], inner: UUID | None) -> set[UUID]:
    """Return the steps that a step was called in."""
    found: set[UUID] = set()
    while inner is not None:
        inner = holders.get(inner)
        if inner is not None:
            found.add(inner)
    return found


def _aliases(runs: Mapping[UUID, RunPlan]) -> dict[UUID, UUID]:
    """Return what else a step is known as: its earlier tries, and the flow run that it is."""
    found: dict[UUID, UUID] = {}
    for run in runs.values():
        for run_id, key in run.keys.items():
            found[run_id] = run.steps[key].task_run_id
        for step in run.steps.values():
            if step.child_flow_run_id is not None:
                found[step.child_flow_run_id] = step.task_run_id
    return found


def begins(text: str, steps: Iterable[Step]) -> list[Step]:
    """Return the step that a text means: by id, name of the task run, or name of the task.

    A task that was called more than once means its first call. Several: it is not clear which.
    """
    every = sorted(steps, key=lambda step: step.task_run_id)
    by_id = [step for step in every if str(step.task_run_id) == text.lower()]
    by_name = [step for step in every if step.name == text]
    by_task = [step for step in every if text in task_names(step)]
    return by_id or by_name or by_task[:1]


def task_names(step: Step) -> tuple[str, ...]:
    """Return what the task of a step is called: its name, its function, the function's place."""
    place, label = function_of(step.step_key), prefix_of(step.step_key).partition("#")[2]
    name, dash, number = step.name.rpartition("-")
    names = [name] if dash and number.isdecimal() else [step.name]
    return tuple(
        dict.fromkeys(each for each in (*names, place.rpartition(".")[2], place, label) if each)
    )
