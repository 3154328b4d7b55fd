"""Events and their resources."""

from legato._sdk.event_records import Event, ReceivedEvent, RelatedResource, Resource

__all__ = ["Event", "ReceivedEvent", "RelatedResource", "Resource"]
