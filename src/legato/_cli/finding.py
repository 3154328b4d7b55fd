"""Finds the run that a word on the command line means: an id, the beginning of one, or a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from legato._cli.exits import Failure, Misuse, nearest
from legato._cli.times import moment
from legato._model import filters as f

if TYPE_CHECKING:
    from legato._sdk.client.objects import FlowRun, TaskRun
    from legato._sdk.client.sync import SyncClient

R = TypeVar("R", "FlowRun", "TaskRun")
Read = Callable[[f.IdFilter | None, f.NameFilter | None, int], list[R]]

SHOWN = 10
_RECENT = 100  # runs among whose names the nearest is looked for
_HEX = re.compile(r"[0-9a-f]{4,32}")


def find_flow_run(client: SyncClient, word: str) -> FlowRun:
    """Return the flow run, or say why there is none or more than one."""

    def read(ids: f.IdFilter | None, names: f.NameFilter | None, limit: int) -> list[FlowRun]:
        condition = f.FlowRunFilter(id=ids, name=names)
        sort = f.FlowRunSort.START_TIME_DESC
        return client.read_flow_runs(flow_run_filter=condition, sort=sort, limit=limit)

    return _find("flow run", word, read)


def find_task_run(client: SyncClient, word: str) -> TaskRun:
    """Return the task run, or say why there is none or more than one."""

    def read(ids: f.IdFilter | None, names: f.NameFilter | None, limit: int) -> list[TaskRun]:
        condition = f.TaskRunFilter(id=ids, name=names)
        return client.read_task_runs(task_run_filter=condition, limit=limit)

    return _find("task run", word, read)


def _find(noun: str, word: str, read: Read[R]) -> R:
    ids = beginning_with(word)
    found = read(ids, None, SHOWN + 1) if ids is not None else []
    if len(found) != 1 or not _is_full(word):
        named = read(None, f.NameFilter(any_=[word]), SHOWN + 1)
        found += [run for run in named if all(run.id != other.id for other in found)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Misuse(_choice(noun, word, found))
    recent = [run.name for run in read(None, None, _RECENT)]
    listing = f"legato {noun.replace(' ', '-')} ls"
    raise Failure(f"There is no {noun} {word!r}{nearest(word, recent)} To list them: {listing}")


def beginning_with(word: str) -> f.IdFilter | None:
    """Return the ids that begin with a word; None if no id can."""
    digits = word.lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        return None
    return f.IdFilter(ge_=UUID(digits.ljust(32, "0")), le_=UUID(digits.ljust(32, "f")))


def _is_full(word: str) -> bool:
    return len(word.replace("-", "")) == 32


def _choice(noun: str, word: str, found: list[Any]) -> str:
    lines = [
        f"  {run.id}  {run.name}  {run.state_name or '-'}  {moment(run.start_time)}"
        for run in found[:SHOWN]
    ]
    more = ["  ..."] if len(found) > SHOWN else []
    intro = f"{word!r} can mean more than one {noun}; give more of the id:"
    return "\n".join([intro, *lines, *more])
