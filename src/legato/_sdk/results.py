"""Results that are kept: in the record, or in storage, before the transition that names them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from legato._engine.effects import Draft
from legato._engine.endings import describe
from legato._model.records import ResultKept
from legato._model.results import INLINE_LIMIT, UPLOAD_LIMIT, Result
from legato._model.states import StateType
from legato._sdk import naming, run_logs, runtime
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext
from legato._sdk.exceptions import SerializationError
from legato._sdk.result_objects import save
from legato._sdk.serializers import Serializer, name_of, serializer_of, stored_form
from legato._sdk.services import backend
from legato._sdk.storage import storage_of
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from uuid import UUID

    from legato._backend.port import Backend
    from legato._sdk.flow import Flow
    from legato._sdk.task import Task


class Address(Struct, frozen=True, kw_only=True):
    """Where a result is to lie; without storage and key a small one lies in a row."""

    storage: object = None
    key: str | None = None
    expires_at: datetime | None = None


Sharing = Literal["everywhere", "in its flow run"]
"""Where a result stands for other task runs, too."""


def keep(
    decorated: Flow[Any, Any] | Task[Any, Any],
    context: RunContext,
    draft: Draft,
    *,
    shared: Sharing | None = None,
    address: Address | None = None,
) -> UUID | None:
    """Store the value of a Completed draft and return the result's id.

    The draft becomes Failed if that cannot be: nothing is called done that cannot be read. But a
    value that has no bytes fails only what says itself that it is stored, not what is in it.
    """
    try:
        if address is None:
            key = own_key(getattr(decorated.options, "result_storage_key", None), context)
            address = Address(storage=chosen(decorated, context, "result_storage"), key=key)
        serializer = serializer_for(decorated, context)
        return put(context, draft.data, serializer, address, shared=shared)
    except Exception as error:  # noqa: BLE001 - serializers and key templates of the user
        if decorated.persist_result is None and isinstance(error, SerializationError):
            message = f"The result is not stored, as the runs around ask: {describe(error)}"
            run_logs.say(context, run_logs.WARNING, message)
            return None
        draft.type = StateType.FAILED
        draft.message = f"The result could not be stored: {describe(error)}"
        draft.data = error
        return None


def store(decorated: Flow[Any, Any] | Task[Any, Any], context: RunContext, value: Any) -> UUID:
    """Store a result that nobody asked to keep, where the options of its own say; return its id."""
    options = decorated.options
    key = own_key(getattr(options, "result_storage_key", None), context)
    address = Address(storage=options.result_storage, key=key)
    serializer = options.result_serializer or settings().results_default_serializer
    return put(context, value, serializer_of(serializer), address)


def serializer_for(decorated: Flow[Any, Any] | Task[Any, Any], context: RunContext) -> Serializer:
    """Return what makes bytes of the results of a flow or task in a run."""
    given = chosen(decorated, context, "result_serializer")
    return serializer_of(given or settings().results_default_serializer)


def chosen(decorated: Flow[Any, Any] | Task[Any, Any], context: RunContext, option: str) -> Any:
    """Return an option of a flow or task; where it names none, that of the run around it."""
    given = getattr(decorated.options, option)
    outer = _around(context)
    while given is None and outer is not None:
        around = outer.task if isinstance(outer, TaskRunContext) else outer.flow
        given, outer = getattr(around.options, option), _around(outer)
    return given


def _around(context: RunContext) -> FlowRunContext | TaskRunContext | None:
    """Return the run around; that of a task in a worker is its flow's."""
    if context.outer is None and isinstance(context, TaskRunContext):
        return context.flow_run_context
    return context.outer


def put(
    context: RunContext,
    value: Any,
    serializer: Serializer,
    address: Address | None = None,
    *,
    shared: Sharing | None = None,
    result_id: UUID | None = None,
) -> UUID:
    """Store a value that belongs to a run; return the result's id, which may be given."""
    flow = context.flow_run_context if isinstance(context, TaskRunContext) else context
    home = flow.backend if isinstance(flow, FlowRunContext) else backend()
    at, name, now = address or Address(), name_of(serializer), home.clock.now()
    blob, location = stored_form(serializer, value), None
    # a shared one has the id of the run that made it: that is how others find out whose it is
    result_id = context.id if shared is not None else result_id or home.ids.new()
    travels = at.storage is None and at.key is None
    if travels and len(blob) > _row_limit(home):
        location = _uploaded(home, result_id, blob)
        travels = location is not None
    if not travels:
        storage = storage_of(at.storage, Path(home.storage()))
        key = result_id.hex if at.key is None else at.key  # then the object is this result's own
        expires = at.expires_at
        location = save(storage, key, blob, serializer=name, created_at=now, expires_at=expires)
    home.journal.append(
        ResultKept(
            flow.epoch if isinstance(flow, FlowRunContext) else 0,
            Result(
                id=result_id,
                flow_run_id=None if flow is None or shared == "everywhere" else flow.id,
                serializer=name,
                size=len(blob),
                sha256=sha256(blob).digest(),
                created_at=now,
                body=blob if location is None else None,
                location=location,
            ),
        )
    )
    return result_id


def _row_limit(home: Backend) -> int:
    """Return how many bytes of a result are recorded; larger ones have the place that is named."""
    return INLINE_LIMIT if _is_named() else home.row_limit


def _is_named() -> bool:
    """Tell whether the settings say where results lie."""
    return bool(settings().results_default_storage or settings().results_local_storage_path)


def _uploaded(home: Backend, result_id: UUID, blob: bytes) -> str | None:
    """Upload a result to the server, if there is one; return its location, or None."""
    if _is_named() or home.row_limit == INLINE_LIMIT or len(blob) > UPLOAD_LIMIT:
        return None
    from legato._sdk import uploads

    return uploads.put(home, result_id, blob)


def own_key(template: str | None, context: RunContext) -> str | None:
    """Return the key that a template of the options gives in a run."""
    if template is None:
        return None
    fields = {
        "parameters": context.parameters,
        "flow_run": _Attributes(runtime.flow_run),
        "task_run": _Attributes(runtime.task_run),
    }
    return naming.run_name(template, fields, "result_storage_key")


class _Attributes:
    """What `{flow_run.id}` in a template looks at."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return self._read(name)
