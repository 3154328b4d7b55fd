"""`legato global-concurrency-limit`: ls, create, inspect, update, enable, disable, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from legato._cli.exits import Failure, Misuse
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from legato._sdk.client.objects import GlobalConcurrencyLimit
    from legato._sdk.client.sync import SyncClient

_slots_option = click.option(
    "--active-slots",
    type=click.IntRange(min=0),
    help="How many slots count as taken; 0 takes them from all who hold them.",
)


@click.group("global-concurrency-limit", cls=Noun)
def command() -> None:
    """List and change concurrency limits and rate limits."""


@command.command("ls")
@output_option
def ls(output: Output) -> None:
    """List limits by name, those on tags too."""
    from legato._cli import listing
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = list(listing.pages(client.read_global_concurrency_limits))
    if not found:
        listing.say_none("concurrency limits", narrowed=False)
    listing.show(
        output,
        [limit.model_dump(mode="json") for limit in found],
        ("NAME", "TAKEN", "LIMIT", "ACTIVE", "DECAY/S"),
        lambda: [_row(limit) for limit in found],
    )


def _row(limit: GlobalConcurrencyLimit) -> tuple[str, ...]:
    return (
        limit.name,
        str(limit.active_slots),
        str(limit.limit),
        "yes" if limit.active else "no",
        f"{limit.slot_decay_per_second:g}" if limit.slot_decay_per_second else "-",
    )


@command.command("create")
@click.argument("name")
@click.option("-l", "--limit", type=click.IntRange(min=0), required=True, help="How many slots.")
@click.option("--disable", is_flag=True, help="Let everybody pass until it is enabled.")
@_slots_option
@click.option(
    "--slot-decay-per-second",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Makes a rate limit: slots that were taken come back at this rate.",
)
def create(
    name: str, limit: int, disable: bool, active_slots: int | None, slot_decay_per_second: float
) -> None:
    """Create a limit."""
    from legato._cli.output import say
    from legato._model.concurrency_limits import GlobalConcurrencyLimitCreate
    from legato._model.errors import Conflict
    from legato._sdk.client import get_client

    given = GlobalConcurrencyLimitCreate(
        name=name,
        limit=limit,
        active=not disable,
        active_slots=active_slots,
        slot_decay_per_second=slot_decay_per_second,
    )
    with get_client(sync_client=True) as client:
        try:
            client.create_global_concurrency_limit(given)
        except Conflict:
            update_ = f"legato global-concurrency-limit update {name} --limit {limit}"
            raise Failure(f"There is a limit {name!r} already. To change it: {update_}") from None
    say(f"Created the concurrency limit {name!r}.")
    if limit == 0 and not disable:
        say("A limit of 0 holds up all who ask for a slot.")


@command.command("inspect")
@click.argument("name")
@output_option
@click.option(
    "-f", "--file", "path", type=click.Path(dir_okay=False), help="Write JSON to this file instead."
)
def inspect(name: str, output: Output, path: str | None) -> None:
    """Show one limit."""
    from legato._cli import times
    from legato._cli.output import print_json, say
    from legato._cli.tables import printable
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = _read(client, name)
    if path is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(found.model_dump_json() + "\n")
        say(f"Wrote {path}.")
    elif output == "json":
        print_json(found.model_dump(mode="json"))
    else:
        for title, value in (
            ("Limit", found.name),
            ("ID", str(found.id)),
            ("Taken", f"{found.active_slots} of {found.limit}"),
            ("Active", "yes" if found.active else "no"),
            ("Decay", f"{found.slot_decay_per_second:g} slots a second"),
            ("Created", times.moment(found.created)),
            ("Updated", times.moment(found.updated)),
        ):
            click.echo(f"{title:12} {printable(value)}")


@command.command("update")
@click.argument("name")
@click.option("--enable", is_flag=True, help="Let it hold up those who ask for more than it has.")
@click.option("--disable", is_flag=True, help="Let everybody pass.")
@click.option("-l", "--limit", type=click.IntRange(min=0), help="How many slots.")
@_slots_option
@click.option(
    "--slot-decay-per-second",
    type=click.FloatRange(min=0),
    help="The rate at which slots come back; 0: when they are released.",
)
def update(
    name: str,
    enable: bool,
    disable: bool,
    limit: int | None,
    active_slots: int | None,
    slot_decay_per_second: float | None,
) -> None:
    """Change a limit; those who wait get what becomes free."""
    if enable and disable:
        raise Misuse("--enable and --disable do not go together.")
    changes: dict[str, Any] = {
        "active": True if enable else False if disable else None,
        "limit": limit,
        "active_slots": active_slots,
        "slot_decay_per_second": slot_decay_per_second,
    }
    if all(value is None for value in changes.values()):
        raise Misuse("Nothing is to be changed; see --help.")
    _change(name, f"Changed the concurrency limit {name!r}.", **changes)


@command.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Let a limit hold up those who ask for more than it has."""
    _change(name, f"Enabled the concurrency limit {name!r}.", active=True)


@command.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Let everybody pass a limit."""
    _change(name, f"Disabled the concurrency limit {name!r}.", active=False)


@command.command("delete")
@click.argument("name")
def delete(name: str) -> None:
    """Delete a limit; nobody waits for it any longer."""
    from legato._cli.output import say
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        client.delete_global_concurrency_limit_by_name(_read(client, name).name)
    say(f"Deleted the concurrency limit {name!r}.")


def _change(name: str, done: str, **changes: Any) -> None:
    from legato._cli.output import say
    from legato._model.concurrency_limits import GlobalConcurrencyLimitUpdate
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = _read(client, name)
        client.update_global_concurrency_limit(found.name, GlobalConcurrencyLimitUpdate(**changes))
    say(done)


def _read(client: SyncClient, name: str) -> GlobalConcurrencyLimit:
    from legato._cli.exits import nearest
    from legato._model.errors import ObjectNotFound

    try:
        return client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        known = [limit.name for limit in client.read_global_concurrency_limits(limit=200)]
        listing = "To list them: legato global-concurrency-limit ls"
        raise Failure(
            f"There is no concurrency limit {name!r}{nearest(name, known)} {listing}"
        ) from None
