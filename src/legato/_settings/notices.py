"""Warnings about the surroundings: one line each on stderr, once per process."""

from __future__ import annotations

import sys
from collections.abc import Iterable

_given: set[str] = set()


def warn_once(message: str) -> None:
    """Say `message`, unless it was said before."""
    if message not in _given:
        _given.add(message)
        sys.stderr.write(f"legato: warning: {message}\n")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: with the known name that `name` resembles, if one does."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else "."
