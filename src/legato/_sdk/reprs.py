"""What a prompt shows of runs, states and futures: one line, and nothing that users passed around.

Loaded when something is shown, not before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from legato._model.states import DEFAULT_NAME

if TYPE_CHECKING:
    from legato._sdk.context import RunContext
    from legato._sdk.futures import Future
    from legato._sdk.states import State

SHOWN_CHARACTERS = 100


def state(shown: State) -> str:
    """Return `<State Failed 'Task run encountered an exception ValueError: no'>`."""
    parts = [line(shown.name)]
    if shown.name != DEFAULT_NAME[shown.type]:
        parts.append(shown.type.value)
    if shown.message:
        parts.append(repr(line(shown.message)))
    return f"<State {' '.join(parts)}>"


def record(shown: Any) -> str:
    """Return `<FlowRun 'calm-otter' Completed 0198...>`, with what the record has of that."""
    parts = [type(shown).__name__]
    name = getattr(shown, "name", None) or getattr(shown, "key", None)
    if name:
        parts.append(repr(line(name)))
    for field in ("state_name", "id"):
        value = getattr(shown, field, None)
        if value is not None:
            parts.append(str(value))
    return f"<{' '.join(parts)}>"


def context(shown: RunContext) -> str:
    """Return `<FlowRunContext 'calm-otter' Running>`."""
    state_name = f" {shown.state.name}" if shown.state is not None else ""
    return f"<{type(shown).__name__} {line(shown.name)!r}{state_name}>"


def future(shown: Future[Any]) -> str:
    """Return `<Future 'double-0' Completed>`."""
    return f"<Future {line(shown.name)!r} {line(shown.state.name)}>"


def futures(shown: Iterable[Future[Any]]) -> str:
    """Return `<FutureList of 3: 2 Completed, 1 Running>`."""
    tally = counted(shown)
    counts = ", ".join(f"{number} {name}" for name, number in tally.items())
    return f"<FutureList of {tally.total()}{': ' if counts else ''}{counts}>"


def counted(futures: Iterable[Future[Any]]) -> Counter[str]:
    """Return how many futures are in which state."""
    return Counter(line(one.state.name) for one in futures)


def line(text: str) -> str:
    """Return text on one line, not too long."""
    whole = " ".join(text.split())
    return whole if len(whole) <= SHOWN_CHARACTERS else whole[: SHOWN_CHARACTERS - 3] + "..."
