"""`legato variable`: ls, get, set, unset, inspect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from legato._cli.exits import Failure
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from legato._sdk.client.objects import Variable
    from legato._sdk.client.sync import SyncClient


@click.group("variable", cls=Noun)
def command() -> None:
    """List, read and change variables."""


@command.command("ls")
@output_option
@click.option("--limit", type=click.IntRange(min=1), default=100, help="How many at most.")
def ls(output: Output, limit: int) -> None:
    """List variables by name."""
    from legato._cli import listing, times
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = list(listing.pages(lambda n, at: client.read_variables(n, offset=at), limit))
    if not found:
        listing.say_none("variables", narrowed=False)
    listing.show(
        output,
        [variable.model_dump(mode="json") for variable in found],
        ("NAME", "VALUE", "TAGS", "UPDATED"),
        lambda: [
            (v.name, _text(v.value), ", ".join(v.tags), times.moment(v.updated)) for v in found
        ],
    )


@command.command("get")
@click.argument("name")
def get(name: str) -> None:
    """Print the value of a variable: text as it is, anything else as JSON."""
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        click.echo(_text(_read(client, name).value))


@command.command("inspect")
@click.argument("name")
@output_option
def inspect(name: str, output: Output) -> None:
    """Show one variable: value, tags and times."""
    from legato._cli import times
    from legato._cli.output import print_json
    from legato._cli.tables import printable
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        found = _read(client, name)
    if output == "json":
        print_json(found.model_dump(mode="json"))
        return
    for title, value in (
        ("Variable", found.name),
        ("ID", str(found.id)),
        ("Value", _text(found.value)),
        ("Tags", ", ".join(found.tags)),
        ("Created", times.moment(found.created)),
        ("Updated", times.moment(found.updated)),
    ):
        if value:
            click.echo(f"{title:12} {printable(value)}")


@command.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--overwrite", is_flag=True, help="Replace the value of a variable that exists.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag for it; may be repeated.")
def set_(name: str, value: str, overwrite: bool, tags: tuple[str, ...]) -> None:
    """Set a variable. VALUE is JSON, or else text."""
    from legato._cli.output import say
    from legato._sdk.exceptions import VariableExists
    from legato._sdk.variables import Variable

    try:
        Variable.set(name, _value(value), tags=list(tags) or None, overwrite=overwrite)
    except VariableExists:
        raise Failure(f"There is a variable {name!r} already; --overwrite replaces it.") from None
    say(f"Set the variable {name!r}.")


@command.command("unset")
@click.argument("name")
def unset(name: str) -> None:
    """Delete a variable."""
    _unset(name)


@command.command("delete")
@click.argument("name")
def delete(name: str) -> None:
    """Delete a variable; another name of unset."""
    _unset(name)


def _unset(name: str) -> None:
    from legato._cli.output import say
    from legato._sdk.client import get_client

    with get_client(sync_client=True) as client:
        client.delete_variable_by_name(_read(client, name).name)
    say(f"Unset the variable {name!r}.")


def _read(client: SyncClient, name: str) -> Variable:
    from legato._cli.exits import nearest

    found = client.read_variable_by_name(name)
    if found is None:
        hint = nearest(name, [variable.name for variable in client.read_variables()])
        raise Failure(f"There is no variable {name!r}{hint} To list them: legato variable ls")
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except ValueError:
        return text


def _no_json(text: str) -> None:
    raise ValueError(text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
