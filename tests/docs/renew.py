"""Writes into pages what their examples print today: python -m tests.docs.renew PAGE..."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.comparing import plain, relevant
from tests.docs.pages import steps
from tests.docs.player import play


def renew(page: Path) -> None:
    """Renew what a page shows where it is not what is printed."""
    text = page.read_text("utf-8")
    lines, given = text.splitlines(keepends=True), steps(text)
    with tempfile.TemporaryDirectory() as folder:
        found = list(zip(given, play(given, Path(folder)), strict=True))
    for step, played in reversed(found):
        printed = relevant(step, played)
        if step.shown is not None and plain(printed) != plain(step.shown):
            print(f"{page.name}:{step.line}: renewed")
            kept = [line.rstrip() + "\n" for line in printed.strip("\n").splitlines()]
            lines[slice(*step.place)] = kept
    page.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        renew(Path(name))
