"""`legato artifact`: ls, inspect, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from legato._cli.exits import Failure, Misuse
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from legato._sdk.client.objects import Artifact, ArtifactCollection
    from legato._sdk.client.sync import SyncClient


@click.group("artifact", cls=Noun)
def command() -> None:
    """List, inspect and delete artifacts."""


@command.command("ls")
@output_option
@click.option("--limit", type=click.IntRange(min=1), default=100, help="How many at most.")
@click.option("-a", "--all", "versions", is_flag=True, help="All versions of each key.")
def ls(output: Output, limit: int, versions: bool) -> None:
    """List the latest artifact of each key, newest first."""
    from legato._cli import listing
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:

        def read(count: int, offset: int) -> list[Any]:
            if versions:
                return list(client.read_artifacts(limit=count, offset=offset))
            return list(client.read_latest_artifacts(limit=count, offset=offset))

        found = list(listing.pages(read, limit))
    if not found:
        listing.say_none("artifacts" if versions else "artifacts with a key", narrowed=False)
    listing.show(
        output,
        [artifact.model_dump(mode="json") for artifact in found],
        ("KEY", "TYPE", "CREATED", "DESCRIPTION", "ID"),
        lambda: [_row(artifact) for artifact in found],
    )


def _row(artifact: Artifact | ArtifactCollection) -> tuple[str, ...]:
    from legato._cli import times
    from legato._sdk.client import objects

    is_key = isinstance(artifact, objects.ArtifactCollection)
    return (
        artifact.key or times.NONE,
        artifact.type or times.NONE,
        times.moment(artifact.updated if is_key else artifact.created),
        (artifact.description or "").partition("\n")[0],
        str(
            artifact.latest_id if isinstance(artifact, objects.ArtifactCollection) else artifact.id
        ),
    )


@command.command("inspect")
@click.argument("key")
@click.option("--limit", type=click.IntRange(min=1), default=10, help="How many versions at most.")
@output_option
def inspect(key: str, limit: int, output: Output) -> None:
    """Show the versions of a key with their data, newest first."""
    from legato._cli.output import print_json
    from legato._model import filters as f
    from legato._sdk.client import get_client

    condition = f.ArtifactFilter(key=f.KeyFilter(any_=[key]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=condition, sort=f.ArtifactSort.CREATED_DESC, limit=min(limit, 200)
        )
        if not found:
            raise _unknown(client, key)
    if output == "json":
        print_json([artifact.model_dump(mode="json") for artifact in found])
        return
    for artifact in found:
        _show(artifact)


def _show(artifact: Artifact) -> None:
    import json

    from legato._cli import table_data, times
    from legato._cli.tables import printable

    data = artifact.data if isinstance(artifact.data, str) else json.dumps(artifact.data)
    for title, value in (
        ("Artifact", artifact.key),
        ("ID", artifact.id),
        ("Type", artifact.type),
        ("Description", artifact.description),
        ("Created", times.moment(artifact.created)),
        ("Flow run", artifact.flow_run_id),
        ("Task run", artifact.task_run_id),
    ):
        if value:
            click.echo(f"{title:12} {printable(str(value))}")
    click.echo("Data")
    for line in table_data.lines(data) if artifact.type == "table" else data.splitlines():
        click.echo(f"  {printable(line)}")


@command.command("delete")
@click.argument("key", required=False)
@click.option("--id", "artifact_id", type=click.UUID, help="The id of one artifact.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(key: str | None, artifact_id: UUID | None, yes: bool) -> None:
    """Delete one artifact by its id, or all versions of a key."""
    from legato._cli.output import say
    from legato._sdk.client import get_client

    if (key is None) == (artifact_id is None):
        raise Misuse("Give a key, which deletes all its versions, or --id for one artifact.")
    with get_client(sync_client=True) as client:
        ids = [artifact_id] if artifact_id is not None else _versions(client, key or "")
        if artifact_id is None and not yes:
            _ask(key or "", len(ids))
        for found in ids:
            client.delete_artifact(found)
    say(f"Deleted {len(ids)} artifact(s).")


def _versions(client: SyncClient, key: str) -> list[UUID]:
    from legato._cli import listing
    from legato._model import filters as f

    condition = f.ArtifactFilter(key=f.KeyFilter(any_=[key]))
    found = list(
        listing.pages(
            lambda n, at: client.read_artifacts(artifact_filter=condition, limit=n, offset=at)
        )
    )
    if not found:
        raise _unknown(client, key)
    return [artifact.id for artifact in found]


def _unknown(client: SyncClient, key: str) -> Failure:
    from legato._cli.exits import nearest

    hint = nearest(key, [found.key for found in client.read_latest_artifacts()])
    return Failure(f"There is no artifact with the key {key!r}{hint} See: legato artifact ls")


def _ask(key: str, count: int) -> None:
    import sys

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("There is no terminal to ask in; --yes deletes without asking.")
    if not click.confirm(f"Delete {count} version(s) of {key!r}?", err=True):
        raise Failure("Nothing was deleted.")
