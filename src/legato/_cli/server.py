"""`legato server`: start, stop, status; and its database."""

from __future__ import annotations

import click

from legato._cli.database import database
from legato._cli.groups import Noun


@click.group("server", cls=Noun)
def command() -> None:
    """Start and stop a server, and look after the database that runs are recorded in."""


command.add_command(database, "database")


@command.command("start")
@click.option("--host", help="The address to listen on; else LEGATO_SERVER_API_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Else LEGATO_SERVER_API_PORT.")
@click.option("--base-path", help="Where the API is found; else LEGATO_SERVER_API_BASE_PATH.")
@click.option("--database-url", metavar="URL", help="postgresql://...; else that of the home.")
@click.option("-b", "--background", is_flag=True, help="Return as soon as the server answers.")
def start(
    host: str | None,
    port: int | None,
    base_path: str | None,
    database_url: str | None,
    background: bool,
) -> None:
    """Serve the API until Ctrl-C, on the database of the home or on PostgreSQL.

    What flows record in the home meanwhile is seen by the server, and the other way round.
    """
    from legato._cli import serving

    asked = serving.asked(host, port, base_path, database_url)
    if background:
        serving.start_in_background(asked)
    else:
        serving.serve(asked)


@command.command("stop")
def stop() -> None:
    """Stop the server of this home; requests at work end first."""
    from legato._cli import serving

    serving.stop()


@command.command("status")
@click.option("--wait", is_flag=True, help="Wait until the server answers.")
@click.option("-t", "--timeout", type=float, default=10.0, help="Seconds to wait; 10.")
def status(wait: bool, timeout: float) -> int:
    """Say whether the server of this home answers; exits with 1 if not."""
    from legato._cli import serving

    return serving.status(timeout if wait else 0.0)
