"""`legato version`."""

from __future__ import annotations

import platform
import sys

import click

from legato._cli.options import Output, output_option


def number() -> str:
    """Return the version of the installed package."""
    package = sys.modules["legato"]  # loaded: we are part of it
    return str(package.__version__)


def line() -> str:
    """Return the version in one line."""
    return f"legato {number()}"


@click.command("version")
@output_option
def command(output: Output) -> None:
    """Show the versions of Legato and of what it runs on."""
    import sqlite3

    found = {
        "legato": number(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": sys.platform,
    }
    if output == "json":
        import json

        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        click.echo(f"{name:9} {value}")
