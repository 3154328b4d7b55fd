"""Events of slots that are taken and given back, as Prefect's clients tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from legato._model.events import FLOW_RUN, RESOURCE_ID, RESOURCE_NAME, ROLE, TASK_RUN, Resource
from legato._model.slots import Holder, Holding
from legato._sdk.context import current
from legato._sdk.event_records import Event
from legato._sdk.events import emit_event

_LIMIT = "prefect.concurrency-limit."
_KINDS = {"flow_run": (FLOW_RUN, "flow-run"), "task_run": (TASK_RUN, "task-run")}


def taken(held: Sequence[Holding], slots: int, holder: Holder | None) -> dict[UUID, Event]:
    """Tell that slots of limits were taken; return the events by limit."""
    return {limit.id: _tell("acquired", limit, held, slots, holder, None) for limit in held}


def released(
    held: Sequence[Holding], slots: int, holder: Holder | None, told: Mapping[UUID, Event]
) -> None:
    """Tell that they were given back."""
    for limit in held:
        _tell("released", limit, held, slots, holder, told.get(limit.id))


def _tell(
    phase: str,
    limit: Holding,
    held: Sequence[Holding],
    slots: int,
    holder: Holder | None,
    follows: Event | None,
) -> Event:
    resource = {
        RESOURCE_ID: f"{_LIMIT}{limit.id}",
        RESOURCE_NAME: limit.name,
        "slots-acquired": str(slots),
        "limit": str(limit.slots),
    }
    others = [
        {RESOURCE_ID: f"{_LIMIT}{other.id}", ROLE: "concurrency-limit"}
        for other in held
        if other.id != limit.id
    ]
    return emit_event(
        f"{_LIMIT}{phase}", resource, related=[*others, *_holder(holder)], follows=follows
    )


def _holder(holder: Holder | None) -> list[Resource]:
    """Return who holds them, if that is not the run around, which is related anyway."""
    run = current.get()
    if holder is None or holder.type not in _KINDS or (run is not None and run.id == holder.id):
        return []
    kind, role = _KINDS[holder.type]
    return [{RESOURCE_ID: f"{kind}{holder.id}", ROLE: role}]
