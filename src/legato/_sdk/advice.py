"""The way out of an error, in a note below its message.

A note (`add_note`) stands in every traceback and leaves `str(error)` as it is: the words of Python,
or those that Prefect's users may compare.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple, TypeVar

E = TypeVar("E", bound=BaseException)


class Rule(NamedTuple):
    """What Python says when a first step with tasks goes wrong, and what to do instead."""

    kinds: tuple[type[BaseException], ...]
    pattern: str
    way_out: str


RULES = (
    Rule(
        (TypeError, AttributeError),
        r"'Future(List)?'",
        "A future is not the value yet: take future.result(), or in async code `await future`. A "
        "task that is given a future gets the value.",
    ),
    Rule(
        (TypeError, AttributeError),
        r"'coroutine'",
        "An async task or flow gives its value to who awaits it: write `await name(...)`, or in a "
        "flow without `async` name.submit(...).result().",
    ),
    Rule(
        (AttributeError,),
        r"'function' object has no attribute '(submit|map|with_options|after|fn)'",
        "Tasks have that, plain functions do not: is @task missing above the function?",
    ),
)


def advised(error: E, way_out: str) -> E:
    """Return the error with the way out below its message."""
    error.add_note(way_out)
    return error


def advise_uncaught(error: BaseException) -> None:
    """Add the way out to an error that ends the program because of the name of a file."""
    module, file = None, None
    if isinstance(error, ImportError):
        module, file = error.name, error.path
    elif isinstance(error, AttributeError):
        module, file = (getattr(error.obj, name, None) for name in ("__name__", "__file__"))
    if module in sys.stdlib_module_names and file and os.path.dirname(file) == sys.path[0]:
        error.add_note(
            f"{os.path.basename(file)} has the name of a module of Python and is loaded in its "
            "place: rename the file."
        )


def advise(error: BaseException) -> None:
    """Add the way out to an error of Python's that a mistake with tasks and flows leads to."""
    import re

    for rule in RULES:
        if type(error) in rule.kinds and re.search(rule.pattern, str(error)):
            if rule.way_out not in getattr(error, "__notes__", ()):
                error.add_note(rule.way_out)
            return
