"""The report of a run: which target of the design each figure meets, and the tables below."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, NamedTuple

MARKER = "<!-- generated below -->\n"
NOISY_LOAD = 2.5


class Target(NamedTuple):
    """A figure of `DESIGN.md`, section 5: `case` and `path` say where it stands in the results."""

    what: str
    case: str
    path: str
    limit: float
    unit: str
    exact: bool = False
    stretch: float | None = None


TARGETS = [
    Target(
        "`from legato import flow, task`, CPU over bare Python", "start", "import_cpu_ms", 60, "ms"
    ),
]


def write(folder: Path, results: Path) -> str:
    return ""
