"""The examples of a page: what is run, and what the page says that it prints.

- A block ```python is a file of its own: `# name.py` in its first line names it. It is run, unless
  a later block ```console runs it by name. The block ```text right below says what it prints.
- A block ```console has commands after `$ `, each with what it prints below.
- `<!-- not run: why -->` above a block says that it is not run, and why.
- Blocks with tests in them are for pytest: see test_testing.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_NOT_RUN = re.compile(r"<!-- not run: \S.* -->")
_NAMED = re.compile(r"# (\w+\.py)\n")
_TEST = re.compile(r"^(async )?def test_", re.MULTILINE)


class Step(NamedTuple):
    """A command, and a file that is written before."""

    line: int
    """The line of the page after which the block begins."""
    file: str
    code: str
    command: str
    shown: str | None
    """What the page says that is printed; None if it says nothing."""
    place: tuple[int, int]
    """The lines of the page that say it."""


class Block(NamedTuple):
    """What stands between two fences; `start` and `end` are the lines between them."""

    kind: str
    start: int
    end: int
    text: str
    above: str


def steps(text: str) -> list[Step]:
    """Return what is run of a page, in its order."""
    blocks = list(_blocks(text.splitlines(keepends=True)))
    found: list[Step] = []
    for block, after in pairwise([*blocks, None]):
        assert block is not None
        if _NOT_RUN.fullmatch(block.above):
            continue
        if block.kind == "python" and not _TEST.search(block.text):
            found.append(_file(block, after, _later(blocks, block)))
        elif block.kind == "console":
            found += _commands(block)
    return found


def tests(text: str) -> list[str]:
    """Return the blocks of a page that are for pytest."""
    python = [block.text for block in _blocks(text.splitlines(True)) if block.kind == "python"]
    return [block for block in python if _TEST.search(block)]


def unmarked(text: str) -> list[int]:
    """Return the lines of blocks that a reader would run and the tests do not: no kind."""
    return [
        block.start
        for block in _blocks(text.splitlines(keepends=True))
        if block.kind in ("", "sh", "shell", "bash", "py", "pycon")
    ]


def _blocks(lines: list[str]) -> Iterator[Block]:
    start, kind, above = 0, "", ""
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start:
            yield Block(kind, start, number, "".join(lines[start:number]), above)
            start = 0
        else:
            start, kind = number + 1, line[3:].strip()
            before = [text.strip() for text in lines[:number] if text.strip()]
            above = before[-1] if before else ""


def _later(blocks: list[Block], block: Block) -> str:
    """Return the commands below a block."""
    return "".join(other.text for other in blocks if other.start > block.end)


def _file(block: Block, after: Block | None, later: str) -> Step:
    named = _NAMED.match(block.text)
    name = named[1] if named else "example.py"
    shown, place = None, (0, 0)
    if after is not None and after.kind == "text" and after.above == "```":
        shown, place = after.text, (after.start, after.end)
    is_run_below = shown is None and re.search(rf"^\$ .*\b{re.escape(name)}", later, re.MULTILINE)
    command = "" if is_run_below else f"python {name}"
    return Step(block.start, name, block.text, command, shown, place)


def _commands(block: Block) -> Iterator[Step]:
    lines = block.text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        shown = "".join(lines[start + 1 : end])
        place = (block.start + start + 1, block.start + end)
        command = lines[start][2:].strip()
        yield Step(block.start + start, "", "", command, shown or None, place)
