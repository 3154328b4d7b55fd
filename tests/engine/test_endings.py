"""How the end of a run is told."""

from __future__ import annotations

import json
from collections.abc import Callable

from legato._engine.endings import place


def raised(fn: Callable[[], object]) -> Exception:
    """Call as a driver does; return what was raised."""
    try:
        fn()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError


def reads() -> object:
    return parsed()


def parsed() -> object:
    return json.loads("{")


def test_the_place_is_the_last_line_in_the_file_of_the_function() -> None:
    line = parsed.__code__.co_firstlineno + 1
    assert place(raised(reads)) == f" (test_endings.py, line {line})"


def test_an_exception_that_no_function_raised_has_no_place() -> None:
    assert place(ValueError()) == ""
    assert place(raised(dict[str, int]().popitem)) == ""
