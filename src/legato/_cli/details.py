"""One run in full: the record, and what else is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import click
import msgspec

from legato._backend.current import current
from legato._cli import cache_lookups, times
from legato._cli.output import state_cell
from legato._cli.tables import printable
from legato._model import filters as f
from legato._model.errors import ObjectNotFound
from legato._model.operations.attempts import ListAttempts
from legato._model.states import StateType

if TYPE_CHECKING:
    from legato._model.attempts import Attempt
    from legato._sdk.client.objects import FlowRun, TaskRun
    from legato._sdk.client.sync import SyncClient
    from legato._sdk.states import State

Lines = Iterator[tuple[str, str]]


class Story:
    """A run with its history; `extra` goes beside the fields of the record."""

    def __init__(
        self, title: str, run: FlowRun | TaskRun, states: list[State], extra: dict[str, Any]
    ) -> None:
        self.title = title
        self.run = run
        self.states = states
        self.extra = extra
        self.extra_lines: list[tuple[str, str]] = []
        """What is printed for people only, behind the rest."""

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        states = [state.model_dump(mode="json") for state in self.states]
        return {**self.run.model_dump(mode="json"), **self.extra, "states": states}

    def show(self) -> None:
        """Print it for people."""
        for name, value in (*self._lines(), *_timing(self.run), *self._more()):
            if value:
                click.echo(f"{name:12} {value}")
        self._show_block("Parameters", self._parameters())
        self._show_block("Attempts", self._attempts())
        self._show_block("History", self._history())

    def _lines(self) -> Lines:
        run = self.run
        yield self.title, printable(run.name)
        yield "ID", str(run.id)
        yield "State", _styled(run.state_name, run.state_type)
        yield "Message", printable((run.state and run.state.message) or "")

    def _more(self) -> Lines:
        yield "Rerun of", str(getattr(self.run, "rerun_of", None) or "")
        for name in ("flow_name", "flow_run_name", "task_key", "dynamic_key", "flow_version"):
            value = self.extra.get(name) or getattr(self.run, name, None)
            yield name.replace("_", " ").capitalize(), printable(str(value or ""))
        yield "Tags", printable(", ".join(self.run.tags))
        counts: dict[str, int] = self.extra.get("task_run_counts", {})
        parts = [f"{count} {StateType(name).value.capitalize()}" for name, count in counts.items()]
        yield "Task runs", ", ".join(parts)
        yield from self.extra_lines

    def _parameters(self) -> list[str]:
        parameters: dict[str, Any] = getattr(self.run, "parameters", {})
        return [f"{name} = {_value(value)}" for name, value in parameters.items()]

    def _history(self) -> list[str]:
        return [
            f"{times.exact(state.timestamp)}  {_styled(state.name, state.type)}"
            + (f"  {printable(state.message)}" if state.message else "")
            for state in self.states
        ]

    def _attempts(self) -> list[str]:
        """One that knows of no code, and of no other, says nothing that stands not elsewhere."""
        attempts: list[dict[str, Any]] = self.extra.get("attempts", [])
        if len(attempts) < 2 and not any(one["code"] for one in attempts):
            return []
        return [
            f"{one['number']}  process {one['pid']} on {printable(one['host'])}"
            + (f", code {one['code']}" if one["code"] else "")
            + (f", {one['cause'] or 'open'}" if one["cause"] != "ended" else "")
            for one in attempts
        ]

    def _show_block(self, title: str, lines: list[str]) -> None:
        if lines:
            click.echo(title)
            for line in lines:
                click.echo(f"  {line}")


def flow_run(client: SyncClient, run: FlowRun) -> Story:
    """Read what belongs to a flow run."""
    extra: dict[str, Any] = {"flow_name": None, "task_run_counts": _counts(client, run)}
    with suppress(ObjectNotFound):  # deleted meanwhile
        extra["flow_name"] = client.read_flow(run.flow_id).name
    attempts: list[Attempt] = current().send(ListAttempts(flow_run_id=run.id))
    extra["attempts"] = [_attempt(attempt) for attempt in attempts]
    return Story("Flow run", run, client.read_flow_run_states(run.id), extra)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as JSON values, with one hash for the code of all its files."""
    found: dict[str, Any] = msgspec.to_builtins(attempt)
    files = found.pop("code_files")
    text = msgspec.json.encode(files, order="sorted")
    found["code"] = None if files is None else blake2b(text, digest_size=6).hexdigest()
    del found["flow_run_id"]
    return found


def task_run(client: SyncClient, run: TaskRun) -> Story:
    """Read what belongs to a task run."""
    extra: dict[str, Any] = {"flow_run_name": None}
    if run.flow_run_id is not None:
        with suppress(ObjectNotFound):
            extra["flow_run_name"] = client.read_flow_run(run.flow_run_id).name
    found = cache_lookups.read(run.id)
    extra["cache_lookup"] = cache_lookups.plain(found)
    story = Story("Task run", run, client.read_task_run_states(run.id), extra)
    if found is not None:
        story.extra_lines = list(cache_lookups.lines(client, found))
    return story


def _counts(client: SyncClient, run: FlowRun) -> dict[str, int]:
    """Count the run's task runs by the type of their state."""
    counts: dict[str, int] = {}
    for state_type in StateType:
        condition = f.TaskRunFilter(
            flow_run_id=f.OptionalIdFilter(any_=[run.id]),
            state=f.StateFilter(type=f.StateTypeFilter(any_=[state_type])),
        )
        found = client.count_task_runs(task_run_filter=condition)
        if found:
            counts[state_type.value] = found
    return counts


def _timing(run: FlowRun | TaskRun) -> Lines:
    yield "Created", times.moment(run.created)
    if run.expected_start_time is not None and run.start_time is None:
        yield "Expected", times.moment(run.expected_start_time)
    yield "Started", times.moment(run.start_time)
    yield "Ended", times.moment(run.end_time)
    yield "Duration", times.lasted(run.start_time, run.end_time)
    if run.run_count > 1:
        yield "Running", f"{times.span(run.total_run_time)} in {run.run_count} tries"


def _styled(name: str | None, state_type: StateType | None) -> str:
    cell = state_cell(name, state_type)
    return click.style(printable(cell.text), fg=cell.colour)


def _value(value: Any) -> str:
    return printable(msgspec.json.encode(value, enc_hook=str).decode())
