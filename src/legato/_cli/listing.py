"""What lists have in common: conditions from options, pages, and what to say of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from legato._cli.exits import nearest
from legato._cli.output import print_json, print_table, say
from legato._cli.tables import Row
from legato._model import filters as f
from legato._model.states import NAMES, StateType

T = TypeVar("T")
PAGE = 200  # as many as the API gives at once


def in_states(given: Sequence[str]) -> f.StateFilter | None:
    """Return the condition of --state: types, or else names as they are written."""
    if not given:
        return None
    types = [StateType(text.upper()) for text in given if text.upper() in StateType.__members__]
    known = {name.upper(): name for name in NAMES}
    names = [known.get(text.upper(), text) for text in given]
    others = [name for name in names if name.upper() not in StateType.__members__]
    return f.StateFilter(
        operator=f.Operator.or_,
        type=f.StateTypeFilter(any_=types) if types else None,
        name=f.StateNameFilter(any_=others) if others else None,
    )


def of_flows(given: Sequence[str]) -> f.FlowFilter | None:
    """Return the condition of --flow."""
    return f.FlowFilter(name=f.NameFilter(any_=list(given))) if given else None


def with_tags(given: Sequence[str]) -> f.TagsFilter | None:
    """Return the condition of --tag."""
    return f.TagsFilter(all_=list(given)) if given else None


def pages(read: Callable[[int, int], list[T]], limit: int | None = None) -> Iterator[T]:
    """Yield what `read(limit, offset)` gives, page by page."""
    offset = 0
    while limit is None or offset < limit:
        size = PAGE if limit is None else min(PAGE, limit - offset)
        found = read(size, offset)
        yield from found
        if len(found) < size:
            return
        offset += size


def first(read: Callable[[int, int], list[T]], limit: int, plural: str) -> list[T]:
    """Return the first `limit` ones; say so if there are more."""
    found = list(pages(read, limit + 1))
    if len(found) > limit:
        shown = f"These are the newest {limit} {plural}" if limit > 1 else "This is the newest one"
        say(f"{shown}; --limit shows more.")
    return found[:limit]


def show(
    output: str,
    plain: Sequence[Any],
    titles: Sequence[str],
    rows: Callable[[], Sequence[Row]],
) -> None:
    """Print a list as asked; an empty one is no table."""
    if output == "json":
        print_json(plain)
    elif plain:
        print_table(titles, rows())


def say_none(plural: str, narrowed: bool, states: Sequence[str] = ()) -> None:
    """Say that a list is empty, and which state may have been meant."""
    strange = [
        text
        for text in states
        if text.upper() not in StateType.__members__ and text.title() not in NAMES
    ]
    hint = nearest(strange[0].title(), NAMES) if strange else "."
    say(f"No {plural} like that{hint}" if narrowed else f"There are no {plural} yet.")
