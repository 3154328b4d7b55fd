"""`legato concurrency-limit`: ls, create, inspect, reset, delete; the limits on tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from legato._cli.exits import Failure
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from legato._sdk.client.objects import ConcurrencyLimit
    from legato._sdk.client.sync import SyncClient


@click.group("concurrency-limit", cls=Noun)
def command() -> None:
    """Limit how many task runs with a tag run at once."""


@command.command("ls")
@output_option
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="How many to pass over.")
def ls(output: Output, limit: int, offset: int) -> None:
    """List limits by tag."""
    from legato._cli import listing, times
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = list(
            listing.pages(lambda n, at: client.read_concurrency_limits(n, offset + at), limit)
        )
    if not found:
        listing.say_none("concurrency limits of tags", narrowed=bool(offset))
    listing.show(
        output,
        [one.model_dump(mode="json") for one in found],
        ("TAG", "RUNNING", "LIMIT", "UPDATED"),
        lambda: [
            (
                one.tag,
                str(len(one.active_slots)),
                str(one.concurrency_limit),
                times.moment(one.updated),
            )
            for one in found
        ],
    )


@command.command("create")
@click.argument("tag")
@click.argument("concurrency_limit", type=click.IntRange(min=0), metavar="LIMIT")
def create(tag: str, concurrency_limit: int) -> None:
    """Let at most LIMIT task runs with TAG run at once; an existing limit is changed."""
    from legato._cli.output import say
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(tag, concurrency_limit)
    say(f"At most {concurrency_limit} task run(s) with the tag {tag!r} run at once.")
    if concurrency_limit == 0:
        say("A limit of 0 holds up all of them.")


@command.command("inspect")
@click.argument("tag")
@output_option
def inspect(tag: str, output: Output) -> None:
    """Show the limit of a tag and the task runs that hold its slots."""
    from legato._cli import times
    from legato._cli.output import print_json
    from legato._cli.tables import printable
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = _read(client, tag)
    if output == "json":
        print_json(found.model_dump(mode="json"))
        return
    for title, value in (
        ("Tag", found.tag),
        ("ID", str(found.id)),
        ("Limit", str(found.concurrency_limit)),
        ("Created", times.moment(found.created)),
        ("Running", str(len(found.active_slots))),
    ):
        click.echo(f"{title:12} {printable(value)}")
    for run_id in found.active_slots:
        click.echo(f"  {run_id}")


@command.command("reset")
@click.argument("tag")
def reset(tag: str) -> None:
    """Take the slots of a tag from all task runs; they go on without."""
    from legato._cli.output import say
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        client.reset_concurrency_limit_by_tag(_read(client, tag).tag)
    say(f"The slots of the tag {tag!r} are free.")


@command.command("delete")
@click.argument("tag")
def delete(tag: str) -> None:
    """Delete the limit of a tag."""
    from legato._cli.output import say
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        client.delete_concurrency_limit_by_tag(_read(client, tag).tag)
    say(f"Deleted the concurrency limit of the tag {tag!r}.")


def _read(client: SyncClient, tag: str) -> ConcurrencyLimit:
    from legato._cli.exits import nearest
    from legato._model.errors import ObjectNotFound

    try:
        return client.read_concurrency_limit_by_tag(tag)
    except ObjectNotFound:
        known = [limit.tag for limit in client.read_concurrency_limits(200, 0)]
        raise Failure(
            f"There is no concurrency limit of the tag {tag!r}{nearest(tag, known)} "
            "To list them: legato concurrency-limit ls"
        ) from None
