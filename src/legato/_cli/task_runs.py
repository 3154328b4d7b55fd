"""`legato task-run`: list, inspect, succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import click

from legato._cli.groups import Noun
from legato._cli.options import Output, listing_options, output_option

if TYPE_CHECKING:
    from legato._cli.tables import Row
    from legato._sdk.client.objects import TaskRun
    from legato._sdk.client.sync import SyncClient

_TITLES = ("NAME", "FLOW RUN", "STATE", "STARTED", "DURATION", "ID")


@click.group("task-run", cls=Noun)
def command() -> None:
    """List and inspect task runs; mark them as succeeded."""


@command.command("ls")
@listing_options
@click.option("--flow-run", "run", metavar="RUN", help="Only of this flow run, by id or name.")
def ls(
    output: Output,
    limit: int,
    states: tuple[str, ...],
    flows: tuple[str, ...],
    tags: tuple[str, ...],
    run: str | None,
) -> None:
    """List task runs, newest first."""
    from legato._cli import listing
    from legato._cli.finding import find_flow_run
    from legato._model import filters as f
    from legato._sdk.client import get_client

    condition = f.TaskRunFilter(state=listing.in_states(states), tags=listing.with_tags(tags))
    with get_client(sync_client=True) as client:
        if run is not None:
            condition.flow_run_id = f.OptionalIdFilter(any_=[find_flow_run(client, run).id])

        def read(limit: int, offset: int) -> list[TaskRun]:
            return client.read_task_runs(
                flow_filter=listing.of_flows(flows),
                task_run_filter=condition,
                sort=f.TaskRunSort.ID_DESC,
                limit=limit,
                offset=offset,
            )

        runs = listing.first(read, limit, "task runs")
        names = flow_run_names(client, runs)
    if not runs:
        listing.say_none("task runs", bool(states or flows or tags or run), states)
    plain = [
        {**run.model_dump(mode="json"), "flow_run_name": names.get(run.flow_run_id)} for run in runs
    ]
    listing.show(output, plain, _TITLES, lambda: [_row(run, names) for run in runs])


@command.command("inspect")
@click.argument("run")
@output_option
def inspect(run: str, output: Output) -> None:
    """Show one task run: times, inputs, history. RUN is an id or a name."""
    from legato._cli import details
    from legato._cli.finding import find_task_run
    from legato._cli.output import print_json
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        story = details.task_run(client, find_task_run(client, run))
    if output == "json":
        print_json(story.plain())
    else:
        story.show()


@command.command("succeed")
@click.argument("run")
@click.option("--value", required=True, metavar="JSON", help="What the task is to have returned.")
@click.option("--reason", metavar="TEXT", help="Why; it stands in the history.")
def succeed(run: str, value: str, reason: str | None) -> None:
    """Mark a task run that did not succeed as done, with a value. RUN is an id or a name.

    Its flow run must have ended; `legato flow-run resume` or `rerun` then takes the value.
    """
    from legato._cli import marking

    marking.succeed(run, value, reason)


def flow_run_names(client: SyncClient, runs: list[TaskRun]) -> dict[UUID | None, str]:
    """Return the names of the flow runs that task runs belong to, by id."""
    from legato._cli import listing
    from legato._model import filters as f

    ids = list({run.flow_run_id for run in runs if run.flow_run_id is not None})
    names: dict[UUID | None, str] = {}
    for start in range(0, len(ids), listing.PAGE):
        condition = f.FlowRunFilter(id=f.IdFilter(any_=ids[start : start + listing.PAGE]))
        names |= {run.id: run.name for run in client.read_flow_runs(flow_run_filter=condition)}
    return names


def _row(run: TaskRun, names: dict[UUID | None, str]) -> Row:
    from legato._cli import times
    from legato._cli.output import state_cell

    return [
        run.name,
        names.get(run.flow_run_id, times.NONE),
        state_cell(run.state_name, run.state_type),
        times.moment(run.start_time),
        times.lasted(run.start_time, run.end_time),
        str(run.id),
    ]
