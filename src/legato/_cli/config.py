"""`legato config`: view, set, unset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from legato._cli.exits import Misuse
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from legato._settings.profiles import Place


@click.group("config", cls=Noun)
def command() -> None:
    """View and change settings."""


@command.command("view")
@output_option
def view(output: Output) -> None:
    """Show every setting with its value and where that comes from."""
    from legato._cli.output import print_json, print_table, say
    from legato._settings.reading import gather
    from legato._settings.view import explain

    for fault in gather().faults:
        say(f"Warning: {fault}")
    rows = explain()
    if output == "json":
        keys = ("name", "value", "source")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        print_table(("NAME", "VALUE", "SOURCE"), rows)


@command.command("set")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
def set_(assignments: tuple[str, ...]) -> None:
    """Write settings into the active profile."""
    from legato._model.errors import SettingsError
    from legato._settings import profiles
    from legato._settings.reading import find, parse
    from legato._settings.sources import Found

    given = [_split(text) for text in assignments]
    try:
        for name, value in given:  # all are judged before one is written
            parse(find(name), Found(value, "the value given"))
        for name, value in given:
            _report(name, f"Set {find(name).name}", profiles.write(name, value))
    except SettingsError as error:
        raise Misuse(str(error)) from None


@command.command("unset")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def unset(names: tuple[str, ...]) -> None:
    """Take settings out of the active profile."""
    from legato._model.errors import SettingsError
    from legato._settings import profiles
    from legato._settings.reading import find

    try:
        found = [find(name).name for name in names]
        for name in found:
            _report(name, f"Unset {name}", profiles.unset(name))
    except SettingsError as error:
        raise Misuse(str(error)) from None


def _split(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not NAME=VALUE.")
    return name, value


def _report(name: str, done: str, place: Place) -> None:
    """Say what was written where, and what stands above it."""
    from legato._cli.output import say
    from legato._settings.reading import find, gather

    say(f"{done} in the profile {place.profile!r} of {place.path}.")
    source = gather().of(find(name)).source
    if "profile" not in source and source != "default":
        say(f"Note: {source} holds instead.")
