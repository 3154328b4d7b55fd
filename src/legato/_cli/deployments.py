"""`legato deployment`: ls, inspect, run, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import click

from legato._cli.exits import Failure, Misuse
from legato._cli.groups import Noun
from legato._cli.options import Output, limit_option, output_option

if TYPE_CHECKING:
    from legato._sdk.client.objects import DeploymentResponse
    from legato._sdk.client.sync import SyncClient

_name = click.argument("name", metavar="[FLOW/DEPLOYMENT]", required=False)
_id = click.option("--id", "deployment_id", type=click.UUID, help="The id instead of the name.")


@click.group("deployment", cls=Noun)
def command() -> None:
    """List, inspect and delete deployments; make runs of them."""


@command.command("ls")
@click.argument("flows", metavar="[FLOW]...", nargs=-1)
@click.option("--by-created", is_flag=True, help="Newest first, rather than by name.")
@output_option
@limit_option
def ls(flows: tuple[str, ...], by_created: bool, output: Output, limit: int) -> None:
    """List deployments by flow and name; with FLOW, those of these flows."""
    from legato._cli import listing, times
    from legato._model import filters as f
    from legato._sdk.client import get_client

    sort = f.DeploymentSort.CREATED_DESC if by_created else f.DeploymentSort.NAME_ASC
    with get_client(sync_client=True) as client:

        def read(limit: int, offset: int) -> list[DeploymentResponse]:
            condition = listing.of_flows(flows)
            return client.read_deployments(
                flow_filter=condition, sort=sort, limit=limit, offset=offset
            )

        found = list(listing.pages(read, limit))
        names = _full_names(client, found)
    if not found:
        listing.say_none("deployments", narrowed=bool(flows))
    if not by_created:
        found.sort(key=lambda deployment: names[deployment.id])
    listing.show(
        output,
        [deployment.model_dump(mode="json") for deployment in found],
        ("NAME", "PAUSED", "WORK POOL", "TAGS", "CREATED", "ID"),
        lambda: [
            (
                names[one.id],
                "yes" if one.paused else "no",
                one.work_pool_name or times.NONE,
                ", ".join(one.tags),
                times.moment(one.created),
                str(one.id),
            )
            for one in found
        ],
    )


@command.command("inspect")
@_name
@_id
@output_option
def inspect(name: str | None, deployment_id: UUID | None, output: Output) -> None:
    """Show one deployment: what its runs begin with, and where its code is."""
    import json

    from legato._cli import times
    from legato._cli.output import print_json
    from legato._cli.tables import printable
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = _read(client, name, deployment_id)
        full = _full_names(client, [found])[found.id]
    if output == "json":
        print_json(found.model_dump(mode="json"))
        return
    for title, value in (
        ("Deployment", full),
        ("ID", found.id),
        ("Description", found.description),
        ("Version", found.version),
        ("Paused", "yes" if found.paused else ""),
        ("Tags", ", ".join(found.tags)),
        ("Work pool", found.work_pool_name),
        ("Work queue", found.work_queue_name),
        ("Entrypoint", found.entrypoint),
        ("Path", found.path),
        ("Parameters", json.dumps(found.parameters, ensure_ascii=False)),
        ("Created", times.moment(found.created)),
        ("Updated", times.moment(found.updated)),
    ):
        if value:
            click.echo(f"{title:12} {printable(str(value))}")


@command.command("run")
@_name
@_id
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter.")
@click.option(
    "--params", "whole", metavar="JSON", help="All parameters; `-` reads them from stdin."
)
@click.option(
    "--job-variable",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="What a worker is told besides; JSON, or else text.",
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag of the run.")
@click.option("--flow-run-name", metavar="NAME", help="The name of the run.")
def run(  # noqa: PLR0913, PLR0917 - one for each option
    name: str | None,
    deployment_id: UUID | None,
    params: tuple[str, ...],
    whole: str | None,
    variables: tuple[str, ...],
    tags: tuple[str, ...],
    flow_run_name: str | None,
) -> None:
    """Make a run of a deployment, scheduled for now. A worker starts it, not this command.

    A value is JSON, or else text; --param goes before --params.
    """
    from legato._cli import arguments
    from legato._cli.output import say
    from legato._sdk.client import get_client

    given = {**_whole(whole), **arguments.values(params)}
    jobs = arguments.values(variables, "--job-variable")
    with get_client(sync_client=True) as client:
        found = _read(client, name, deployment_id)
        made = client.create_flow_run_from_deployment(
            found.id, parameters=given, job_variables=jobs, tags=tags, name=flow_run_name
        )
        full = _full_names(client, [found])[found.id]
    click.echo(str(made.id))
    say(f"Made the flow run {made.name!r} of {full}; it waits for a worker.")


@command.command("delete")
@_name
@_id
@click.option("--all", "everything", is_flag=True, help="All deployments.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, for --all.")
def delete(name: str | None, deployment_id: UUID | None, everything: bool, yes: bool) -> None:
    """Delete a deployment and those of its runs that have not begun."""
    from legato._cli import listing
    from legato._cli.output import say
    from legato._sdk.client import get_client

    if everything and (name or deployment_id):
        raise Misuse("Give one deployment, or --all.")
    with get_client(sync_client=True) as client:
        if everything:
            found = list(
                listing.pages(lambda count, at: client.read_deployments(limit=count, offset=at))
            )
        else:
            found = [_read(client, name, deployment_id)]
        if everything and found and not yes:
            _ask(len(found))
        for deployment in found:
            client.delete_deployment(deployment.id)
    say(f"Deleted {len(found)} deployment(s).")


def _ask(count: int) -> None:
    import sys

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("There is no terminal to ask in; --yes deletes without asking.")
    if not click.confirm(f"Delete all {count} deployment(s)?", err=True):
        raise Failure("Nothing was deleted.")


def _whole(text: str | None) -> dict[str, Any]:
    """Return the parameters of --params."""
    import json
    import sys

    if text is None:
        return {}
    try:
        found = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise Misuse(f"--params is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Misuse('--params must be a JSON object, such as {"n": 1}.')
    return cast("dict[str, Any]", found)


def _read(client: SyncClient, name: str | None, deployment_id: UUID | None) -> DeploymentResponse:
    """Return the deployment that is meant, or say why there is none."""
    from legato._cli.exits import nearest
    from legato._model.errors import InvalidRequest, ObjectNotFound

    if (name is None) == (deployment_id is None):
        raise Misuse("Give the name of a deployment, FLOW/DEPLOYMENT, or --id.")
    try:
        if deployment_id is not None:
            return client.read_deployment(deployment_id)
        return client.read_deployment_by_name(name or "")
    except InvalidRequest as error:
        raise Misuse(str(error)) from None
    except ObjectNotFound:
        known = _full_names(client, client.read_deployments()).values()
        hint = "." if name is None else nearest(name, known)
        word = str(deployment_id) if name is None else repr(name)
        raise Failure(
            f"There is no deployment {word}{hint} To list them: legato deployment ls"
        ) from None


def _full_names(client: SyncClient, found: list[DeploymentResponse]) -> dict[UUID, str]:
    """Return FLOW/DEPLOYMENT of each, by its id."""
    from legato._cli import listing
    from legato._model import filters as f

    ids = list({deployment.flow_id for deployment in found})
    flows: dict[UUID, str] = {}
    for first in range(0, len(ids), listing.PAGE):
        condition = f.FlowFilter(id=f.IdFilter(any_=ids[first : first + listing.PAGE]))
        flows |= {flow.id: flow.name for flow in client.read_flows(flow_filter=condition)}
    return {one.id: f"{flows.get(one.flow_id, '?')}/{one.name}" for one in found}
