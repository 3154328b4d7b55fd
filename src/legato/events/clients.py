"""Clients that emit events and follow them."""

from legato._sdk.event_clients import EventsClient, get_events_client, get_events_subscriber

__all__ = ["EventsClient", "get_events_client", "get_events_subscriber"]
