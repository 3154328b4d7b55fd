"""Events: what happened, to which resource."""

from legato._sdk.event_clients import get_events_client, get_events_subscriber
from legato._sdk.event_records import Event, ReceivedEvent, RelatedResource, Resource
from legato._sdk.events import emit_event
from legato._sdk.run_subscriber import FlowRunSubscriber

__all__ = [
    "Event",
    "FlowRunSubscriber",
    "ReceivedEvent",
    "RelatedResource",
    "Resource",
    "emit_event",
    "get_events_client",
    "get_events_subscriber",
]
