"""`legato profile`: ls, inspect, create, use, rename, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group("profile", cls=Noun)
def command() -> None:
    """List profiles, and choose the one whose settings hold."""


@command.command("ls")
@output_option
def ls(output: Output) -> None:
    """List profiles with the server of each, and which one is active."""
    from legato._cli.output import print_json, print_table
    from legato._settings import profiles

    there = profiles.profiles()
    rows = [
        (name, name == there.active, _shown(there.tables[name]).get("API_URL"))
        for name in sorted(there.tables)
    ]
    if output == "json":
        keys = ("name", "active", "api_url")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    cells = [[name, "*" if active else "", url or "the home"] for name, active, url in rows]
    print_table(("NAME", "ACTIVE", "RECORDS AT"), cells)


@command.command("inspect")
@click.argument("name", required=False)
@output_option
def inspect(name: str | None, output: Output) -> None:
    """Show what a profile says; without NAME, the active one."""
    from legato._cli.output import print_json, print_table, say
    from legato._settings import profiles

    there = profiles.profiles()
    found = _shown(there.find(name or there.active))
    if output == "json":
        print_json(found)
    elif found:
        print_table(("NAME", "VALUE"), [list(pair) for pair in found.items()])
    else:
        say(f"The profile {name or there.active!r} says nothing.")


@command.command("create")
@click.argument("name")
@click.option("--from", "model", metavar="PROFILE", help="Begin with what this profile says.")
def create(name: str, model: str | None) -> None:
    """Make a profile; it does not become the active one."""
    from legato._cli.output import say
    from legato._settings import profiles

    place = profiles.create(name, model)
    say(f"Created the profile {name!r} in {place.path}; `legato profile use {name}` activates it.")


@command.command("use")
@click.argument("name")
def use(name: str) -> None:
    """Make a profile the active one, for all programs of this home."""
    from legato._cli.output import say
    from legato._settings import profiles

    place = profiles.use(name)
    say(f"The profile {name!r} of {place.path} is active.")
    there = profiles.profiles()
    if there.active != name:
        say(f"Note: here {there.source} holds instead.")


@command.command("rename")
@click.argument("name")
@click.argument("new")
def rename(name: str, new: str) -> None:
    """Give a profile another name."""
    from legato._cli.output import say
    from legato._settings import profiles

    profiles.rename(name, new)
    say(f"Renamed the profile {name!r} to {new!r}.")


@command.command("delete")
@click.argument("name")
def delete(name: str) -> None:
    """Delete a profile that is not the active one."""
    from legato._cli.output import say
    from legato._settings import profiles

    place = profiles.delete(name)
    say(f"Deleted the profile {name!r} of {place.path}.")


def _shown(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a profile as text, by name, with what is secret hidden."""
    from legato._settings import view

    return view.written(table)
