"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from legato._cli.tables import Cell, Row, table
from legato._model.states import StateType

_COLOURS: dict[StateType | None, str] = {
    StateType.COMPLETED: "green",
    StateType.FAILED: "red",
    StateType.CRASHED: "yellow",
    StateType.RUNNING: "blue",
    StateType.PENDING: "cyan",
    StateType.SCHEDULED: "cyan",
    StateType.PAUSED: "magenta",
    StateType.CANCELLING: "magenta",
    StateType.CANCELLED: "magenta",
}


def say(message: str) -> None:
    """Tell people something, on stderr."""
    click.echo(message, err=True)


def print_json(value: Any) -> None:
    """Print records and plain values as JSON."""
    encoded = msgspec.json.encode(value, enc_hook=str)
    click.echo(msgspec.json.format(encoded, indent=2).decode())


def print_table(titles: Sequence[str], rows: Iterable[Row]) -> None:
    """Print a table; in a terminal, lines are cut to its width."""
    for line in table(titles, rows, terminal_width()):
        click.echo(line)


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is; None: it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def state_cell(name: str | None, state_type: StateType | None) -> Cell:
    """Return a state's name in the colour of its type."""
    return Cell(name or "-", _COLOURS.get(state_type))
