"""From a draft to a state: id, time and details."""

from __future__ import annotations

from datetime import timedelta

from legato._engine.effects import Draft
from legato._model.ports import Clock, Ids
from legato._model.states import DEFAULT_NAME, State, StateDetails

_STEP = timedelta(microseconds=1)


def stamped(draft: Draft, before: State | None, clock: Clock, ids: Ids) -> State:
    """Return the state that the draft becomes now, at least a microsecond after `before`.

    It carries no data: what a run returned stays out of the journal.
    """
    now = clock.now()
    if before is not None and now <= before.timestamp:
        now = before.timestamp + _STEP
    details = None
    if draft.delay is not None:
        details = StateDetails(scheduled_time=now + timedelta(seconds=draft.delay))
    if draft.pause_key is not None:
        details = details or StateDetails()
        details.pause_key = draft.pause_key
    return State(
        id=ids.new(),
        type=draft.type,
        name=draft.name or DEFAULT_NAME[draft.type],
        timestamp=now,
        message=draft.message,
        state_details=details,
    )
