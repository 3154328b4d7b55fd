"""What the exit status of a command says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import click

COMPLETED = 0
FAILED = 1  # failed or crashed; also: what was asked for does not exist
USAGE = 2
NOT_RECORDED = 3
CANCELLED = 4
INTERRUPTED = 130


class Failure(click.ClickException):
    """Something could not be done; the message says what, and what to do."""

    exit_code = FAILED


class Misuse(click.UsageError):
    """The command line asks for something that cannot be meant; shown without the usage."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Error: {self.format_message()}", file=file, err=True)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: with the known names that `name` resembles, if any do."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(dict.fromkeys(known)), n=3)
    return f"; did you mean {' or '.join(found)}?" if found else "."
