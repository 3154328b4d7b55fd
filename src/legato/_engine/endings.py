"""Which state a run ends in, by what its function returned or raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from legato._engine.effects import Cause, Draft, Outcome, Raised, Returned
from legato._model.states import (
    CANCELLED,
    COMPLETED,
    CRASHED,
    FAILED,
    PAUSED,
    TERMINAL,
    State,
    StateType,
)

TEXT_LIMIT = 100_000
_CRASH_MESSAGES: dict[Cause, str] = {
    "cancelled": "Execution was cancelled by the runtime environment.",
    "interrupt": "Execution was aborted by an interrupt signal.",
    "termination": "Execution was aborted by a termination signal.",
    "exit": "Execution was aborted by Python system exit call.",
}
_CONTAINERS = (list, tuple, set, frozenset, dict)


def ending(noun: str, outcome: Outcome, timeout: float | None) -> Draft:
    """Return the state that `outcome` of a "Flow run" or "Task run" leads to."""
    if type(outcome) is Returned:
        return of_value(outcome.value)
    return of_exception(noun, cast("Raised", outcome), timeout)


def of_exception(noun: str, raised: Raised, timeout: float | None) -> Draft:
    """Return the failed or crashed state of a run that raised."""
    exc, cause = raised.exception, raised.cause
    if cause == "error":
        colon = ":" if noun == "Flow run" else ""
        text = describe(exc)
        message = f"{noun} encountered an exception{colon} {text}"
        return Draft(type=FAILED, message=message, data=exc)
    if cause == "timeout":
        message = f"{noun} exceeded timeout of {timeout} second(s)"
        return Draft(type=FAILED, name="TimedOut", message=message, data=exc)
    message = _CRASH_MESSAGES.get(cause) or (
        f"Execution was interrupted by an unexpected exception: {describe(exc)}"
    )
    return Draft(type=CRASHED, message=message, data=exc)


def describe(exc: BaseException) -> str:
    """Return `ValueError: text` as a traceback's last line has it, whatever `str` does."""
    try:
        text = str(exc)
    except Exception as error:  # noqa: BLE001 - __str__ is user code
        text = f"<{type(error).__name__} in __str__>"
    if len(text) > TEXT_LIMIT:
        text = f"{text[:TEXT_LIMIT]}... [{len(text)} characters]"
    return f"{type(exc).__name__}: {text}" if text else f"{type(exc).__name__}"


def shown(exc: BaseException) -> str:
    """Return `ValueError('text')` as code has it, or what `describe` says if `repr` cannot."""
    try:
        text = repr(exc)
    except Exception:  # noqa: BLE001 - __repr__ is user code
        return describe(exc)
    return text if len(text) <= TEXT_LIMIT else describe(exc)


def place(exc: BaseException) -> str:
    """Return ` (file.py, line 7)`, the last line in the file of the function that was run, or ``.

    The first frame of the traceback is the driver's, the second one the function's.
    """
    frames = exc.__traceback__ and exc.__traceback__.tb_next
    if frames is None:
        return ""
    file, line = frames.tb_frame.f_code.co_filename, 0
    while frames is not None:
        if frames.tb_frame.f_code.co_filename == file:
            line = frames.tb_lineno
        frames = frames.tb_next
    name = file.replace("\\", "/").rpartition("/")[2]
    return f" ({name}, line {line})"


def of_value(value: Any) -> Draft:
    """Return the state of a run that returned `value`.

    A state made by hand is that state. States of other runs, alone or as all the leaves of a
    container, decide together. Everything else is Completed with the value.
    """
    if isinstance(value, State):
        if not _of_another_run(value):
            return Draft(type=value.type, name=value.name, message=value.message, data=value.data)
        return _together([value], value)
    if isinstance(value, _CONTAINERS) and value:
        found = _only_states(value)
        if found:
            return _together(found, value)
    return Draft(type=COMPLETED, data=value)


def _of_another_run(state: State) -> bool:
    details = state.state_details
    return details is not None and not (details.flow_run_id is None and details.task_run_id is None)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in cast("Any", value).values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in cast("list[Any]", value):
            yield from _leaves(item)
    else:
        yield value


def _only_states(value: Any) -> list[State]:
    """Return the leaves if all are states, else nothing; stops at the first that is not."""
    found: list[State] = []
    for leaf in _leaves(value):
        if not isinstance(leaf, State):
            return []
        found.append(leaf)
    return found


def _together(states: list[State], value: Any) -> Draft:
    count = len(states)

    def tally(*types: StateType) -> int:
        return sum(state.type in types for state in states)

    if tally(COMPLETED) == count:
        return Draft(type=COMPLETED, message="All states completed.", data=value)
    if cancelled := tally(CANCELLED):
        message = f"{cancelled}/{count} states cancelled."
        return Draft(type=CANCELLED, message=message, data=value)
    if paused := tally(PAUSED):
        message = f"{paused}/{count} states paused."
        return Draft(type=PAUSED, message=message, data=value)
    if failed := tally(FAILED, CRASHED):
        message = f"{failed}/{count} states failed."
        return Draft(type=FAILED, message=message, data=value)
    unfinished = sum(state.type not in TERMINAL for state in states)
    message = f"{unfinished}/{count} states are not final."
    return Draft(type=FAILED, message=message, data=value)
