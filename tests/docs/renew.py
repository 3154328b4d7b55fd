"""Writes into pages what their examples print today: python -m tests.docs.renew PAGE..."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.comparing import plain, relevant
from tests.docs.pages import steps
from tests.docs.player import play


def renew(page: Path) -> None:
    """Renew all that a page shows if something of it is not what is printed: names go through."""
    text = page.read_text("utf-8")
    lines, given = text.splitlines(keepends=True), steps(text)
    with tempfile.TemporaryDirectory() as folder:
        found = list(zip(given, play(given, Path(folder)), strict=True))
    shown = [(step, relevant(step, played)) for step, played in found if step.shown is not None]
    if all(plain(printed) == plain(step.shown or "") for step, printed in shown):
        return
    for step, printed in reversed(shown):
        kept = [line.rstrip() + "\n" for line in printed.strip("\n").splitlines()]
        lines[slice(*step.place)] = kept
    page.write_text("".join(lines), "utf-8")
    print(f"{page.name}: renewed")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        renew(Path(name))
