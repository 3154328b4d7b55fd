"""Lines for people, on stderr."""

from __future__ import annotations

import sys
from typing import TextIO


def say(line: str) -> None:
    """Tell people something."""
    stream: TextIO | None = sys.stderr  # None under pythonw
    if stream is not None:
        stream.write(f"legato: {line}\n")
