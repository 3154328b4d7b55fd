"""Results that are kept: in the record, or in storage, before the transition that names them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft
from legato._engine.endings import describe
from legato._model.records import ResultKept
from legato._model.results import INLINE_LIMIT, Result
from legato._model.states import StateType
from legato._sdk import naming, runtime
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext
from legato._sdk.serializers import Serializer, name_of, serializer_of
from legato._sdk.services import backend
from legato._sdk.storage import storage_of
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from uuid import UUID

    from legato._sdk.flow import Flow
    from legato._sdk.task import Task


def keep(
    decorated: Flow[Any, Any] | Task[Any, Any],
    context: RunContext,
    draft: Draft,
    *,
    shared: bool = False,
) -> UUID | None:
    """Store the value of a Completed draft and return the result's id.

    The draft becomes Failed if that cannot be: nothing is called done that cannot be read.
    """
    try:
        return store(decorated, context, draft.data, shared=shared)
    except Exception as error:  # noqa: BLE001 - serializers and key templates of the user
        draft.type = StateType.FAILED
        draft.message = f"The result could not be stored: {describe(error)}"
        draft.data = error
        return None


def store(
    decorated: Flow[Any, Any] | Task[Any, Any],
    context: RunContext,
    value: Any,
    *,
    shared: bool = False,
) -> UUID:
    """Store the result of a run, as its options say; return its id.

    A `shared` one stands for other runs, too, so it does not go when its run is deleted.
    """
    options = decorated.options
    serializer = serializer_of(options.result_serializer or settings().results_default_serializer)
    key = getattr(options, "result_storage_key", None)
    return put(context, value, serializer, key, options.result_storage, shared=shared)


def put(
    context: RunContext,
    value: Any,
    serializer: Serializer,
    key: str | None = None,
    storage: object = None,
    *,
    shared: bool = False,
) -> UUID:
    """Store a value that belongs to a run; return the result's id."""
    flow = context.flow_run_context if isinstance(context, TaskRunContext) else context
    home = flow.backend if isinstance(flow, FlowRunContext) else backend()
    blob = serializer.dumps(value)
    location = None
    if storage is not None or key is not None or len(blob) > INLINE_LIMIT:
        location = _write(storage, Path(home.storage()), _key(key, context), blob)
    result_id = home.ids.new()
    home.journal.append(
        ResultKept(
            flow.epoch if isinstance(flow, FlowRunContext) else 0,
            Result(
                id=result_id,
                flow_run_id=None if flow is None or shared else flow.id,
                serializer=name_of(serializer),
                size=len(blob),
                sha256=sha256(blob).digest(),
                created_at=home.clock.now(),
                body=blob if location is None else None,
                location=location,
            ),
        )
    )
    return result_id


def _write(storage: object, default: Path, key: str, blob: bytes) -> str:
    return storage_of(storage, default).write(key, blob)


def _key(template: str | None, context: RunContext) -> str:
    if template is None:
        return context.id.hex
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
