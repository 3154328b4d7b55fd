"""The state of a run as users see it, and functions that make states by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, overload
from uuid import UUID

from msgspec.structs import replace

from legato._model import states as model
from legato._model.results import ResultReference
from legato._model.states import DEFAULT_NAME, TERMINAL, StateDetails, StateType
from legato._sdk.exceptions import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    RunError,
    UnfinishedRun,
)
from legato._sdk.records import Record, RecordMeta

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    R = TypeVar("R", covariant=True, default=Any)
else:
    from typing import TypeVar

    R = TypeVar("R", covariant=True)

_ERRORS: dict[StateType, type[RunError]] = {
    StateType.FAILED: FailedRun,
    StateType.CRASHED: CrashedRun,
    StateType.CANCELLED: CancelledRun,
}


class _ReturnedNone:
    """The data of a run that returned None, where plain None means that nothing is known."""

    def __repr__(self) -> str:
        return "None"

    def __reduce__(self) -> str:
        return "RETURNED_NONE"


RETURNED_NONE = _ReturnedNone()


class State(Record, model.State, Generic[R], metaclass=RecordMeta):
    """The state of a run: `type` decides, `name` and `message` tell people more.

    >>> State(type="COMPLETED", message="done").name
    'Completed'
    """

    @classmethod
    def completed(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Add what a state has of itself: an id, the time, a name after its type."""
        given = {name: value for name, value in fields.items() if value is not None}
        found: dict[str, Any] = {"id": _new_id, "timestamp": _now, **given}
        for name in ("id", "timestamp"):
            if callable(found[name]):
                found[name] = found[name]()
        if "name" not in found and found.get("type") in StateType.__members__.values():
            found["name"] = DEFAULT_NAME[StateType(found["type"])]
        return found

    def is_scheduled(self) -> bool:
        """Tell whether the run waits for its time."""
        return self.type is StateType.SCHEDULED

    def is_pending(self) -> bool:
        """Tell whether the run is about to start."""
        return self.type is StateType.PENDING

    def is_running(self) -> bool:
        """Tell whether the run is running."""
        return self.type is StateType.RUNNING

    def is_completed(self) -> bool:
        """Tell whether the run succeeded."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """Tell whether the run failed."""
        return self.type is StateType.FAILED

    def is_crashed(self) -> bool:
        """Tell whether the run crashed."""
        return self.type is StateType.CRASHED

    def is_cancelled(self) -> bool:
        """Tell whether the run was cancelled."""
        return self.type is StateType.CANCELLED

    def is_cancelling(self) -> bool:
        """Tell whether the run is being cancelled."""
        return self.type is StateType.CANCELLING

    def is_paused(self) -> bool:
        """Tell whether the run is paused."""
        return self.type is StateType.PAUSED

    def is_final(self) -> bool:
        """Tell whether the run has ended."""
        return self.type in TERMINAL

    @overload
    def result(self, raise_on_failure: Literal[True] = True) -> R: ...

    @overload
    def result(self, raise_on_failure: bool) -> R | BaseException: ...

    def result(self, raise_on_failure: bool = True) -> Any:
        """Return what the run returned.

        Raises what the run raised, or FailedRun, CrashedRun, CancelledRun with the message;
        UnfinishedRun or PausedRun before its end; MissingResult where the value is not known,
        CorruptResult where its bytes have changed.
        With `raise_on_failure=False` the exception of a failed run is returned.
        """
        if self.type is StateType.PAUSED:
            raise PausedRun(self.message)
        if self.type not in TERMINAL:
            raise UnfinishedRun(f"Run is in {self.name} state, its results are not available.")
        if self.type is not StateType.COMPLETED:
            error = self.exception()
            if raise_on_failure:
                raise error
            return error
        if self.data is None:
            raise MissingResult
        if isinstance(self.data, ResultReference):
            from legato._sdk.stored_results import value_of

            return value_of(self.data)
        return None if self.data is RETURNED_NONE else self.data

    async def aresult(self, raise_on_failure: bool = True) -> Any:
        """Return what `result` returns, for code that awaits."""
        if isinstance(self.data, ResultReference):
            from asyncio import to_thread

            return await to_thread(self.result, raise_on_failure)
        return self.result(raise_on_failure)

    def fresh_copy(self, **kwargs: Any) -> State:
        """Return the same state with an id and a time of its own, and with other fields if given.

        >>> from legato.states import Completed
        >>> str(Completed(message="done").fresh_copy(name="Loaded"))
        "Loaded('done', type=COMPLETED)"
        """
        kept = {f: getattr(self, f) for f in self.__struct_fields__ if f not in ("id", "timestamp")}
        return State(**{**kept, **kwargs})

    def exception(self) -> BaseException:
        """Return the exception that a run which did not complete stands for."""
        data = self.data
        if isinstance(data, BaseException):
            return data
        kind = _ERRORS.get(self.type, FailedRun)
        if isinstance(data, str) and data:
            return kind(data)
        inner = _first_bad(data)
        if inner is not None:
            return inner.exception()
        return kind(self.message or f"Run ended in state {self.name}.")

    def __str__(self) -> str:
        parts = [repr(self.message)] if self.message else []
        if self.name != DEFAULT_NAME[self.type]:
            parts.append(f"type={self.type.value}")
        return f"{self.name}({', '.join(parts)})"

    def __repr__(self) -> str:
        from legato._sdk import reprs

        return reprs.state(self)

    def _repr_html_(self) -> str:
        from legato._sdk import html

        return html.state(self)


_STATE: Any = State  # narrowing to a generic class leaves a type checker an unknown argument


def _first_bad(data: Any) -> State | None:
    """Return the first state of a container that did not complete."""
    if isinstance(data, _STATE):
        state: State = data
        return None if state.is_completed() else state
    held: Any = data
    items: Iterable[Any] = ()
    if isinstance(data, dict):
        items = held.values()
    elif isinstance(data, list | tuple | set | frozenset):
        items = held
    return next((bad for item in items if (bad := _first_bad(item)) is not None), None)


def get_state_exception(state: State) -> BaseException:
    """Return the exception that a failed, crashed or cancelled state stands for.

    Raises ValueError for any other state.

    >>> from legato.states import Failed
    >>> get_state_exception(Failed(message="no rows"))
    FailedRun('no rows')
    """
    if state.type not in _ERRORS:
        raise ValueError(
            f"Only a failed, crashed or cancelled state has an exception, not {state}."
        )
    return state.exception()


def raise_state_exception(state: State) -> None:
    """Raise what a failed, crashed or cancelled state stands for; do nothing for any other."""
    if state.type in _ERRORS:
        raise state.exception()


async def aget_state_exception(state: State) -> BaseException:
    """Return what `get_state_exception` returns, for code that awaits."""
    return get_state_exception(state)


async def araise_state_exception(state: State) -> None:
    """Do as `raise_state_exception`, for code that awaits."""
    raise_state_exception(state)


def _made(cls: type[State], kind: StateType, name: str | None = None, **fields: Any) -> State:
    fields.setdefault("name", name)
    return cls(type=kind, **fields)


def _scheduled(
    cls: type[State], name: str, scheduled_time: datetime | None, fields: dict[str, Any]
) -> State:
    details: StateDetails = fields.pop("state_details", None) or StateDetails()
    when = scheduled_time or details.scheduled_time or datetime.now(UTC)
    details = replace(details, scheduled_time=when)
    return _made(cls, StateType.SCHEDULED, state_details=details, **{"name": name, **fields})


def Scheduled(
    cls: type[State] = State, scheduled_time: datetime | None = None, **fields: Any
) -> State:
    """Return a Scheduled state, for now unless a time is given."""
    return _scheduled(cls, "Scheduled", scheduled_time, fields)


def Late(cls: type[State] = State, scheduled_time: datetime | None = None, **fields: Any) -> State:
    """Return a Late state."""
    return _scheduled(cls, "Late", scheduled_time, fields)


def AwaitingRetry(
    cls: type[State] = State, scheduled_time: datetime | None = None, **fields: Any
) -> State:
    """Return an AwaitingRetry state."""
    return _scheduled(cls, "AwaitingRetry", scheduled_time, fields)


def AwaitingConcurrencySlot(
    cls: type[State] = State, scheduled_time: datetime | None = None, **fields: Any
) -> State:
    """Return an AwaitingConcurrencySlot state."""
    return _scheduled(cls, "AwaitingConcurrencySlot", scheduled_time, fields)


def Pending(cls: type[State] = State, **fields: Any) -> State:
    """Return a Pending state."""
    return _made(cls, StateType.PENDING, **fields)


def Submitting(cls: type[State] = State, **fields: Any) -> State:
    """Return a Submitting state."""
    return _made(cls, StateType.PENDING, "Submitting", **fields)


def InfrastructurePending(cls: type[State] = State, **fields: Any) -> State:
    """Return an InfrastructurePending state."""
    return _made(cls, StateType.PENDING, "InfrastructurePending", **fields)


def Running(cls: type[State] = State, **fields: Any) -> State:
    """Return a Running state."""
    return _made(cls, StateType.RUNNING, **fields)


def Retrying(cls: type[State] = State, **fields: Any) -> State:
    """Return a Retrying state."""
    return _made(cls, StateType.RUNNING, "Retrying", **fields)


def Completed(cls: type[State] = State, **fields: Any) -> State:
    """Return a Completed state."""
    return _made(cls, StateType.COMPLETED, **fields)


def Failed(cls: type[State] = State, **fields: Any) -> State:
    """Return a Failed state."""
    return _made(cls, StateType.FAILED, **fields)


def Crashed(cls: type[State] = State, **fields: Any) -> State:
    """Return a Crashed state."""
    return _made(cls, StateType.CRASHED, **fields)


def Cancelling(cls: type[State] = State, **fields: Any) -> State:
    """Return a Cancelling state."""
    return _made(cls, StateType.CANCELLING, **fields)


def Cancelled(cls: type[State] = State, **fields: Any) -> State:
    """Return a Cancelled state."""
    return _made(cls, StateType.CANCELLED, **fields)


def Paused(
    cls: type[State] = State,
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime | None = None,
    reschedule: bool = False,
    pause_key: str | None = None,
    **fields: Any,
) -> State:
    """Return a Paused state that ends after `timeout_seconds` or at a time, if one is given."""
    if timeout_seconds is not None and pause_expiration_time is not None:
        raise ValueError("Give timeout_seconds or pause_expiration_time, not both.")
    if timeout_seconds is not None:
        pause_expiration_time = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    details: StateDetails = fields.pop("state_details", None) or StateDetails()
    details = replace(
        details,
        pause_timeout=pause_expiration_time,
        pause_reschedule=reschedule,
        pause_key=pause_key,
    )
    return _made(cls, StateType.PAUSED, state_details=details, **fields)


def Suspended(
    cls: type[State] = State,
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime | None = None,
    pause_key: str | None = None,
    **fields: Any,
) -> State:
    """Return a Suspended state: the process ends, the run can go on elsewhere."""
    fields.setdefault("name", "Suspended")
    return Paused(cls, timeout_seconds, pause_expiration_time, True, pause_key, **fields)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> UUID:
    from legato._sdk.services import new_id

    return new_id()
