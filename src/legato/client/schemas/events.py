"""Pages of events."""

from legato._sdk.event_records import EventPage

__all__ = ["EventPage"]
