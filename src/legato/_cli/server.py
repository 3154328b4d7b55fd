"""`legato server`: what keeps runs, and its database."""

from __future__ import annotations

import click

from legato._cli.database import database
from legato._cli.groups import Noun


@click.group("server", cls=Noun)
def command() -> None:
    """Look after the database that runs are recorded in."""


command.add_command(database)
