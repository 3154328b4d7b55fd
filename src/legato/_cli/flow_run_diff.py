"""`legato flow-run diff`: what two flow runs differ in, as a small table or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import UNSET

from legato._cli import listing, times
from legato._cli.finding import find_flow_run
from legato._cli.flow_runs import flow_names
from legato._cli.output import print_json, print_table, state_cell
from legato._cli.tables import Cell, printable
from legato._model import filters as f
from legato._model.operations.attempts import ListAttempts, ReadEnvironment
from legato._sdk import run_diff
from legato._sdk.client import get_client
from legato._sdk.services import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from legato._cli.tables import Row
    from legato._model.attempts import Attempt
    from legato._model.environments import Environment
    from legato._sdk.client.objects import FlowRun, TaskRun
    from legato._sdk.client.sync import SyncClient
    from legato._sdk.run_diff import Pair, TaskDiff, TaskSide

_WIDEST = 60
_SHORT = 12


class Side:
    """One of the two runs, with what is compared."""

    def __init__(self, client: SyncClient, run: FlowRun) -> None:
        self.run = run
        self.tasks = _task_runs(client, run)
        attempts: list[Attempt] = backend().send(ListAttempts(flow_run_id=run.id))
        self.last = attempts[-1] if attempts else None

    @property
    def environment(self) -> Environment | None:
        """What the process of the last attempt had installed, if it told."""
        if self.last is None:
            return None
        found: Environment | None = backend().send(ReadEnvironment(writer_id=self.last.writer_id))
        return found

    @property
    def files(self) -> dict[str, str]:
        """The hashes of the project's files, if the run has them."""
        return (self.last.code_files if self.last is not None else None) or {}


class Comparison:
    """Two runs and what they differ in."""

    def __init__(self, a: Side, b: Side, names: Mapping[object, str]) -> None:
        self.a, self.b, self._names = a, b, names
        self.parameters = run_diff.differences(a.run.parameters, b.run.parameters)
        version = {"flow version": a.run.flow_version}, {"flow version": b.run.flow_version}
        tasks = run_diff.versions(a.tasks), run_diff.versions(b.tasks)
        self.code = run_diff.differences(*version) | run_diff.differences(*tasks)
        both = bool(a.files and b.files)
        self.files = run_diff.differences(a.files, b.files) if both else {}
        self.packages = run_diff.packages(a.environment, b.environment)
        self.tasks = run_diff.tasks(a.tasks, b.tasks)

    def plain(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {
            "runs": [self._run(self.a.run), self._run(self.b.run)],
            "parameters": self.parameters,
            "code": self.code,
            "files": self.files,
            "packages": self.packages,
            "tasks": self.tasks,
        }

    def _run(self, run: FlowRun) -> dict[str, Any]:
        kept = ("id", "name", "state_name", "start_time", "end_time", "rerun_of")
        found = {name: getattr(run, name) for name in kept}
        seconds = run.total_run_time.total_seconds()
        return {**found, "flow_name": self._names[run.flow_id], "seconds": seconds}

    def show(self) -> None:
        """Print it for people."""
        print_table(("", "A", "B"), self._heads())
        _show("PARAMETER", self.parameters)
        _show("CODE", self.code)
        _show("FILE", self.files)
        _show("PACKAGE", self.packages)
        if self.tasks:
            click.echo()
            print_table(("TASK", "A", "B", "TIME A", "TIME B"), map(_task_row, self.tasks))

    def _heads(self) -> list[Row]:
        a, b = self.a.run, self.b.run
        return [
            ["Name", a.name, b.name],
            ["Flow", self._names[a.flow_id], self._names[b.flow_id]],
            ["State", _state(a), _state(b)],
            ["Started", times.moment(a.start_time), times.moment(b.start_time)],
            ["Duration", *(times.lasted(run.start_time, run.end_time) for run in (a, b))],
            ["ID", str(a.id), str(b.id)],
        ]


def show(first: str, second: str, *, as_json: bool) -> None:
    """Compare two runs and print what differs."""
    with get_client(sync_client=True) as client:
        runs = [find_flow_run(client, word) for word in (first, second)]
        names = flow_names(client, runs)
        a, b = (Side(client, run) for run in runs)
        compared = Comparison(a, b, names)
    if as_json:
        print_json(compared.plain())
    else:
        compared.show()


def _task_runs(client: SyncClient, run: FlowRun) -> list[TaskRun]:
    condition = f.TaskRunFilter(flow_run_id=f.OptionalIdFilter(any_=[run.id]))

    def read(limit: int, offset: int) -> list[TaskRun]:
        sort = f.TaskRunSort.ID_DESC
        return client.read_task_runs(
            task_run_filter=condition, sort=sort, limit=limit, offset=offset
        )

    return list(listing.pages(read))


def _state(run: FlowRun) -> Cell:
    return state_cell(run.state_name, run.state_type)


def _show(title: str, pairs: Mapping[str, Pair]) -> None:
    if pairs:
        click.echo()
        rows: list[Row] = [[name, _text(pair.a), _text(pair.b)] for name, pair in pairs.items()]
        print_table((title, "A", "B"), rows)


def _text(value: Any) -> str:
    if value is UNSET or value is None:
        return times.NONE if value is UNSET else "null"
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    if len(text) in {16, 32} and not set(text) - set("0123456789abcdef"):
        return text[:_SHORT]  # of a hash
    return printable(text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}...")


def _task_row(task: TaskDiff) -> Row:
    sides = (task.a, task.b)
    colour = None if task.is_same else "yellow"
    states = [Cell(_states(side), colour) for side in sides]
    spans = [times.NONE if side is None else times.span(side.seconds) for side in sides]
    return [task.task, *states, *spans]


def _states(side: TaskSide | None) -> str:
    if side is None:
        return times.NONE
    if sum(side.states.values()) == 1:
        return next(iter(side.states))
    return ", ".join(f"{count} {name}" for name, count in side.states.items())
