"""`legato flow-run`: list, inspect, logs, resume, rerun, diff, cancel, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from legato._cli.exits import Failure
from legato._cli.groups import Noun
from legato._cli.options import Output, listing_options, output_option

if TYPE_CHECKING:
    from legato._cli.tables import Row
    from legato._sdk.client.objects import FlowRun
    from legato._sdk.client.sync import SyncClient

_TITLES = ("NAME", "FLOW", "STATE", "STARTED", "DURATION", "ID")


@click.group("flow-run", cls=Noun)
def command() -> None:
    """List, inspect, cancel and delete flow runs; read their logs."""


@command.command("ls")
@listing_options
def ls(
    output: Output,
    limit: int,
    states: tuple[str, ...],
    flows: tuple[str, ...],
    tags: tuple[str, ...],
) -> None:
    """List flow runs, newest first."""
    from legato._cli import listing
    from legato._model import filters as f
    from legato._sdk.client import get_client

    condition = f.FlowRunFilter(state=listing.in_states(states), tags=listing.with_tags(tags))
    with get_client(sync_client=True) as client:

        def read(limit: int, offset: int) -> list[FlowRun]:
            return client.read_flow_runs(
                flow_filter=listing.of_flows(flows),
                flow_run_filter=condition,
                sort=f.FlowRunSort.START_TIME_DESC,
                limit=limit,
                offset=offset,
            )

        runs = listing.first(read, limit, "flow runs")
        names = flow_names(client, runs)
    say_what_waits()
    if not runs:
        listing.say_none("flow runs", bool(states or flows or tags), states)
    plain = [{**run.model_dump(mode="json"), "flow_name": names[run.flow_id]} for run in runs]
    listing.show(output, plain, _TITLES, lambda: [_row(run, names[run.flow_id]) for run in runs])


@command.command("inspect")
@click.argument("run")
@output_option
def inspect(run: str, output: Output) -> None:
    """Show one flow run: times, parameters, task runs, history. RUN is an id or a name."""
    from legato._cli import details
    from legato._cli.finding import find_flow_run
    from legato._cli.output import print_json
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = find_flow_run(client, run)
        story = details.flow_run(client, found)
    if output == "json":
        print_json(story.plain())
    else:
        story.show()


@command.command("logs")
@click.argument("run")
@click.option("--tail", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")
@click.option("--level", default="NOTSET", metavar="LEVEL", help="Only this level and above.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@output_option
def logs(run: str, tail: int | None, level: str, follow: bool, output: Output) -> None:
    """Print the log lines of one flow run and its tasks. RUN is an id or a name."""
    from legato._cli import log_lines
    from legato._cli.finding import find_flow_run
    from legato._cli.output import say
    from legato._sdk.client import get_client

    least = log_lines.level_of(level)
    if output == "json" and follow:
        raise click.UsageError("-o json prints a whole list; it cannot follow.")
    with get_client(sync_client=True) as client:
        found = find_flow_run(client, run)
        lines = log_lines.LogLines(client, found, least)
        count = lines.print_json(tail) if output == "json" else lines.print(tail)
        if follow:
            lines.follow()
        elif not count:
            say(f"The flow run {found.name!r} has no log lines like that.")


@command.command("resume")
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Only print the plan.")
@click.option("--print-result", is_flag=True, help="Print what the flow returns, as JSON.")
@click.pass_context
def resume(ctx: click.Context, run: str, dry_run: bool, print_result: bool) -> None:
    """Go on with a flow run that failed, crashed or was cancelled. RUN is an id or a name.

    Finished steps do not run again; the plan says which, and why others do.
    """
    from legato._cli import resuming

    ctx.exit(resuming.resume(run, dry_run=dry_run, print_result=print_result))


@command.command("rerun")
@click.argument("run")
@click.option("--from", "from_task", metavar="TASK", help="Run this task and all later ones again.")
@click.option("--failed", is_flag=True, help="Run again what failed and what follows from it.")
@click.option("--all", "all_tasks", is_flag=True, help="Run all tasks again.")
@click.option("--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="Another value.")
@click.option("--dry-run", is_flag=True, help="Only print the plan.")
@click.option("--print-result", is_flag=True, help="Print what the flow returns, as JSON.")
@click.pass_context
def rerun(ctx: click.Context, /, run: str, *, failed: bool, **asked: Any) -> None:
    """Do a flow run again, with the code as it is now. RUN is an id or a name.

    The new run reuses the results of finished tasks; --failed is what happens without --from and
    --all. TASK is the name of a task, or name or id of a task run. The plan is printed first.
    """
    from legato._cli import rerunning

    if failed + asked["all_tasks"] + (asked["from_task"] is not None) > 1:
        raise click.UsageError("--from, --failed and --all exclude each other.")
    ctx.exit(rerunning.rerun(run, rerunning.Asked(**asked)))


@command.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="The same as -o json.")
@output_option
def diff(a: str, b: str, *, as_json: bool, output: Output) -> None:
    """Show what two flow runs differ in. A and B are ids or names.

    Parameters, code and packages only where they differ; of each task how often it ended in which
    state and how long it ran.
    """
    from legato._cli import flow_run_diff

    flow_run_diff.show(a, b, as_json=as_json or output == "json")


@command.command("cancel")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
def cancel(runs: tuple[str, ...]) -> None:
    """Cancel flow runs that have not ended. RUN is an id or a name."""
    from legato._cli import cancelling

    cancelling.cancel(runs)


@command.command("delete")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(runs: tuple[str, ...], yes: bool) -> None:
    """Delete flow runs with their task runs, logs and results. RUN is an id or a name."""
    from legato._cli.finding import find_flow_run
    from legato._cli.output import say
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = list({run.id: run for run in (find_flow_run(client, run) for run in runs)}.values())
        if not yes:
            _ask(found)
        for run in found:
            client.delete_flow_run(run.id)
            say(f"Deleted the flow run {run.name!r} ({run.id}).")


def _ask(runs: list[FlowRun]) -> None:
    import sys

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("There is no terminal to ask in; --yes deletes without asking.")
    names = ", ".join(f"{run.name!r} ({run.state_name})" for run in runs)
    if not click.confirm(f"Delete {names} with all that belongs to them?", err=True):
        raise Failure("Nothing was deleted.")


def say_what_waits() -> None:
    """Say that the list may lack what is still in the spool."""
    from legato._backend.current import current
    from legato._cli.output import say

    if waiting := len(current().spoolers()):
        files = "1 file waits" if waiting == 1 else f"{waiting} files wait"
        say(f"{files} in the spool: `legato spool ls` shows what is not in this list yet.")


def flow_names(client: SyncClient, runs: list[FlowRun]) -> dict[object, str]:
    """Return the names of the runs' flows by id."""
    from legato._cli import listing
    from legato._model import filters as f

    ids = list({run.flow_id for run in runs})
    names: dict[object, str] = {}
    for start in range(0, len(ids), listing.PAGE):
        condition = f.FlowFilter(id=f.IdFilter(any_=ids[start : start + listing.PAGE]))
        names |= {flow.id: flow.name for flow in client.read_flows(flow_filter=condition)}
    return {flow_id: names.get(flow_id, "-") for flow_id in ids}


def _row(run: FlowRun, flow_name: str) -> Row:
    from legato._cli import times
    from legato._cli.output import state_cell

    return [
        run.name,
        flow_name,
        state_cell(run.state_name, run.state_type),
        times.moment(run.start_time),
        times.lasted(run.start_time, run.end_time),
        str(run.id),
    ]
