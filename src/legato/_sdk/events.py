"""Events that users emit: facts of the journal, so nothing is waited for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from legato._model import event_limits, events
from legato._model.errors import InvalidRequest
from legato._model.events import RESOURCE_ID, RESOURCE_NAME, ROLE
from legato._model.records import EventEmitted
from legato._model.wire import jsonable
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.event_records import Event, RelatedResource
from legato._sdk.records import ValidationError
from legato._sdk.services import backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID


def emit_event(  # noqa: PLR0913, PLR0917 - Prefect's signature
    event: str,
    resource: Mapping[str, str],
    occurred: datetime | None = None,
    related: Sequence[Mapping[str, str]] | None = None,
    payload: dict[str, Any] | None = None,
    id: UUID | None = None,
    follows: Event | None = None,
) -> Event:
    """Tell that something happened to a resource; return the event.

    Inside a run the run, its flow and its tags are related resources. `follows` is the event
    before this one; it counts if the two are less than five minutes apart.

    >>> paid = emit_event("order.paid", {"prefect.resource.id": "shop.order.7"})
    >>> paid.event
    'order.paid'
    """
    fields: dict[str, Any] = {
        "event": event,
        "resource": resource,
        "occurred": occurred or datetime.now(UTC),
        "payload": _plain(payload or {}),
        **({} if id is None else {"id": id}),
    }
    made = Event(**fields, related=[dict(one) for one in related or ()])
    made.related = _with_run(made)
    if follows is not None and abs(made.occurred - follows.occurred) < events.FOLLOWS_WITHIN:
        made.follows = follows.id
    emit(made)
    return made


def emit(event: Event) -> None:
    """Put an event into the journal; raise ValidationError for one that cannot be kept."""
    try:
        told = event_limits.checked(events.EventCreate(**_fields(event)))
    except InvalidRequest as error:
        raise ValidationError(str(error)) from None
    run = current.get()
    flow = run.flow_run_context if isinstance(run, TaskRunContext) else run
    home = flow.backend if flow is not None else backend()
    home.journal.append(EventEmitted(told))


def _fields(event: Event) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    plain = {"resource": dict(event.resource), "related": [dict(one) for one in event.related]}
    return {**fields, **plain}


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a copy as JSON has it, which later changes of the original do not reach."""
    try:
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(jsonable(payload)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"payload: {error}.") from None
    return found


def _with_run(event: Event) -> list[dict[str, str]]:
    """Return the related resources with those of the run around, none of them twice."""
    known = {one.get(RESOURCE_ID) for one in event.involved_resources}
    around = [one for one in _around() if one[RESOURCE_ID] not in known]
    room = max(0, event_limits.RELATED_MAX - len(event.related))
    return [*event.related, *around[:room]]


def _around() -> Iterable[RelatedResource]:
    """The run that the current code belongs to: flow run, task run, flow, tags."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    tags: frozenset[str] = frozenset()
    if flow is not None:
        yield _resource(f"{events.FLOW_RUN}{flow.id}", "flow-run", flow.name)
        tags |= flow.tags
    if task is not None:
        yield _resource(f"{events.TASK_RUN}{task.id}", "task-run", task.name)
        tags |= task.tags
    if flow is not None and flow.flow_id is not None:
        yield _resource(f"prefect.flow.{flow.flow_id}", "flow", flow.flow.name)
    for tag in sorted(tags):
        yield _resource(f"prefect.tag.{tag}", "tag", None)


def _resource(resource_id: str, role: str, name: str | None) -> RelatedResource:
    named = {} if name is None else {RESOURCE_NAME: name}
    return RelatedResource({RESOURCE_ID: resource_id, ROLE: role, **named})
