"""What a notebook shows of runs, states and futures: one row of HTML, without their data.

Colours of text and lines are those of the page, so it is readable on light and on dark ones; only
the name of a state stands on a ground of its own. All text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

from legato._model.states import StateType
from legato._sdk import reprs
from legato._sdk.states import RETURNED_NONE, State

if TYPE_CHECKING:
    from datetime import datetime

    from legato._sdk.futures import Future

# white text on each of them has a contrast of 4.5 to 1 or more
_GROUNDS: dict[StateType, str] = {
    StateType.SCHEDULED: "#8a5a00",
    StateType.PENDING: "#5c6470",
    StateType.RUNNING: "#1a5fb4",
    StateType.PAUSED: "#6b4fa3",
    StateType.CANCELLING: "#5c6470",
    StateType.COMPLETED: "#1b7340",
    StateType.FAILED: "#b3261e",
    StateType.CANCELLED: "#5c6470",
    StateType.CRASHED: "#a3430f",
}
_UNKNOWN = "#5c6470"
_BADGE = "padding:1px 8px;border-radius:9px;color:#fff;white-space:nowrap;background:"
_QUIET = "opacity:.75"


def state(shown: State) -> str:
    """Return a state: its name, its message, when it was entered, the type of what it holds."""
    parts = [_badge(shown.name, shown.type)]
    if shown.message:
        parts.append(f"<span>{escape(reprs.line(shown.message))}</span>")
    parts.append(_moment(shown.timestamp))
    if shown.data is not None:
        kind = "None" if shown.data is RETURNED_NONE else type(shown.data).__name__
        parts.append(_quiet(f"holds {kind}"))
    return _row(parts)


def run(shown: Any) -> str:
    """Return a flow run or a task run: name, state, begin, time at work, and its id."""
    parts = [_name(shown.name), _badge(shown.state_name or "no state", shown.state_type)]
    if shown.start_time is not None:
        parts.append(_moment(shown.start_time))
        parts.append(_quiet(f"{shown.total_run_time.total_seconds():.1f} s at work"))
    if shown.tags:
        parts.append(_quiet("tags " + ", ".join(shown.tags)))
    parts.append(f"<code>{escape(str(shown.id))}</code>")
    return _row(parts)


def future(shown: Future[Any]) -> str:
    """Return a future: the name of its task run, and the state that this is in."""
    now = shown.state
    parts = [_name(shown.name), _badge(now.name, now.type)]
    if now.message:
        parts.append(f"<span>{escape(reprs.line(now.message))}</span>")
    return _row(parts)


def futures(shown: Iterable[Future[Any]]) -> str:
    """Return how many futures there are in which state."""
    kinds = {reprs.line(state.name): state.type for state in (one.state for one in shown)}
    tally = reprs.counted(shown)
    badges = [_badge(f"{number} {name}", kinds.get(name)) for name, number in tally.items()]
    return _row([_quiet(f"{tally.total()} futures"), *badges])


def _row(parts: Iterable[str]) -> str:
    style = "display:flex;flex-wrap:wrap;gap:4px 10px;align-items:baseline"
    return f'<div style="{style}">{"".join(parts)}</div>'


def _badge(text: str, kind: StateType | None) -> str:
    ground = _UNKNOWN if kind is None else _GROUNDS[kind]
    return f'<span style="{_BADGE}{ground}">{escape(reprs.line(text))}</span>'


def _name(text: str) -> str:
    return f"<strong>{escape(reprs.line(text))}</strong>"


def _quiet(text: str) -> str:
    return f'<span style="{_QUIET}">{escape(reprs.line(text))}</span>'


def _moment(time: datetime) -> str:
    return _quiet(time.astimezone().strftime("%Y-%m-%d %H:%M:%S"))
