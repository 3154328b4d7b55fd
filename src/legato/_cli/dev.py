"""`legato dev`: a server and a command that records through it, as one tree."""

from __future__ import annotations

import click


@click.command("dev", context_settings={"allow_interspersed_args": False})
@click.option("--port", type=click.IntRange(1, 65535), help="Else the usual one or any free one.")
@click.option("--database-url", metavar="URL", help="postgresql://...; else that of the home.")
@click.argument("argv", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED)
def command(port: int | None, database_url: str | None, argv: tuple[str, ...]) -> int:
    """Serve the API on this machine, and run a command that records through it.

    Server and command end together, with all processes that the command has started: when the
    command ends, whose exit status is that of `legato dev`, or at Ctrl-C. Without a command the
    server goes on until Ctrl-C.
    """
    from legato._cli import developing

    return developing.develop(port, database_url, argv)
