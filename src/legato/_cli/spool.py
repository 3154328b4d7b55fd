"""`legato spool`: list, send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from legato._cli.exits import COMPLETED, FAILED
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

if TYPE_CHECKING:
    from legato._backend.spool import Waiting
    from legato._cli.tables import Row

_TITLES = ("PROCESS", "HOST", "RECORDS", "BYTES", "STATUS", "FILE")


@click.group("spool", cls=Noun)
def command() -> None:
    """List and deliver what waits for the database to work again."""


@command.command("ls")
@output_option
def ls(output: Output) -> None:
    """List the files of the spool; this delivers nothing."""
    from legato._backend.current import current
    from legato._cli.output import say

    found = current().survey_spool()
    if not found:
        say("Nothing waits in the spool.")
    _show(output, found)


@command.command("send")
@click.option(
    "--anywhere",
    is_flag=True,
    help="Also what processes of other machines left; none of those may live.",
)
@output_option
def send(anywhere: bool, output: Output) -> int:
    """Deliver what ended processes left in the spool.

    Exits with 1 if something stays that no living process will deliver.
    """
    from legato._backend import spool
    from legato._backend.current import current
    from legato._cli.output import say

    found = current().send_spool(anywhere=anywhere)
    if not found:
        say("Nothing waits in the spool.")
    _show(output, found)
    settled = all(seen.status in (spool.DELIVERED, spool.IN_USE) for seen in found)
    return COMPLETED if settled else FAILED


def _show(output: Output, found: list[Waiting]) -> None:
    from legato._cli import listing

    listing.show(output, [_plain(seen) for seen in found], _TITLES, lambda: list(map(_row, found)))


def _plain(seen: Waiting) -> dict[str, Any]:
    writer = seen.writer
    return {
        "path": seen.path,
        "status": seen.status,
        "records": seen.records,
        "bytes": seen.bytes,
        "writer_id": writer.id if writer else None,
        "pid": writer.pid if writer else None,
        "host": writer.host if writer else None,
        "kept_as": seen.kept_as,
    }


def _row(seen: Waiting) -> Row:
    writer = seen.writer
    return [
        str(writer.pid) if writer else "-",
        writer.host if writer else "-",
        str(seen.records),
        str(seen.bytes),
        seen.status,
        seen.path,
    ]
