"""Tables as plain aligned text: one line a row, cut where the terminal ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from unicodedata import combining, east_asian_width

import click

GAP = "  "
CUT = "…"


class Cell(NamedTuple):
    """Text, and the colour that a terminal shows it in."""

    text: str
    colour: str | None = None


Row = Sequence[Cell | str]


def table(titles: Sequence[str], rows: Iterable[Row], width: int | None) -> list[str]:
    """Return the lines of a table, each at most `width` columns wide if that is given."""
    cells = [[_cell(item) for item in row] for row in rows]
    lines = [[Cell(title) for title in titles], *cells]
    widths = [max(columns(line[at].text) for line in lines) for at in range(len(titles))]
    return [_line(line, widths, width) for line in lines]


def _cell(item: Cell | str) -> Cell:
    cell = item if isinstance(item, Cell) else Cell(item)
    return Cell(printable(cell.text), cell.colour)


def _line(line: Sequence[Cell], widths: Sequence[int], limit: int | None) -> str:
    """Pad, cut, and only then colour."""
    shown, used = "", 0
    for cell, width in zip(line, widths, strict=True):
        room = None if limit is None else limit - used
        text = cell.text if room is None else fitted(cell.text, room)
        shown += click.style(text, fg=cell.colour) if cell.colour else text
        shown += " " * (width - columns(text)) + GAP
        used += width + len(GAP)
        if limit is not None and used >= limit:
            break
    return shown.rstrip()


def fitted(text: str, width: int) -> str:
    """Return the text, cut with a mark if it is wider than `width` columns."""
    if columns(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += columns(character)
        if used >= width:
            break
        kept += character
    return kept + CUT


def columns(text: str) -> int:
    """Return how many columns a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        for character in text
    )


def printable(text: str, also: str = "") -> str:
    """Return the text with what would move the cursor or change the terminal written out."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in also
        else character.encode("unicode_escape").decode()
        for character in text
    )
