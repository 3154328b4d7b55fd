"""What a page shows beside what was printed: what differs from run to run is left out."""

from __future__ import annotations

import re

from legato._model import names
from tests.docs.pages import Step
from tests.docs.player import Played

_LOG_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \| .*\n?", re.MULTILINE)
_LIBRARY_FRAME = re.compile(r'^  File "/usr/lib/python3/.*\n(    .*\n)*', re.MULTILINE)
_CHANGING = [
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "HASH"),
    (re.compile(r"(?<=[a-z]-)[0-9a-f]{8}\b"), "CODE"),  # of a task key
    (re.compile(r"\d\d\d\d-\d\d-\d\d"), "DATE"),
    (re.compile(r"\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms)\b"), "DURATION"),
    (re.compile(rf"\b({'|'.join(names.QUALITIES)})-({'|'.join(names.CREATURES)})\b"), "NAME"),
    (re.compile(r"\b0x[0-9a-f]{6,}"), "ADDRESS"),
    (re.compile(r"^[ ~^]+$\n?", re.MULTILINE), ""),  # where in the line it was
    (re.compile(r" {2,}| $", re.MULTILINE), " "),
    (re.compile(r"-{4,}"), "----"),
]  # fmt: skip


def plain(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def relevant(step: Step, played: Played) -> str:
    """Return what was printed, without frames of the standard library, and without log lines
    where the page shows none.
    """
    printed = _LIBRARY_FRAME.sub("", played.printed)
    return printed if _LOG_LINE.search(step.shown or "") else _LOG_LINE.sub("", printed)


def fails(step: Step) -> bool:
    """Tell whether the page says that the step fails."""
    return bool(re.search(r"^(Traceback|Error|Usage)\b", step.shown or "", re.MULTILINE))
