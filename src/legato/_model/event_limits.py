"""What an event may be at most; larger ones are refused, with the limit."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import structs

from legato._model.errors import InvalidRequest
from legato._model.event_filters import in_utc
from legato._model.events import RESOURCE_ID, ROLE, EventCreate, Resource

NAME_MAX = 1024
RELATED_MAX = 100
LABELS_MAX = 500
BYTES_MAX = 1_500_000


def checked(event: EventCreate) -> EventCreate:
    """Return an event with its time in UTC; raise InvalidRequest for one that cannot be kept."""
    for problem in _problems(event):
        raise InvalidRequest(f"event {event.id}: {problem}.")
    try:
        return structs.replace(event, occurred=in_utc(event.occurred))
    except OverflowError:
        raise InvalidRequest(
            f"event {event.id}: occurred: {event.occurred} lies outside of the years 1 to 9999."
        ) from None


def _problems(event: EventCreate) -> Iterator[str]:
    if not 0 < len(event.event) <= NAME_MAX:
        yield f"event: a name has 1 to {NAME_MAX} characters, not {len(event.event)}"
    yield from _of_resource("resource", event.resource, (RESOURCE_ID,))
    if len(event.related) > RELATED_MAX:
        yield f"related: {len(event.related)} resources, at most {RELATED_MAX} are kept"
    for number, other in enumerate(event.related):
        yield from _of_resource(f"related.{number}", other, (RESOURCE_ID, ROLE))
    try:
        size = len(msgspec.json.encode(event))
    except (UnicodeEncodeError, OverflowError, RecursionError) as error:
        yield f"payload: {error}"
        return
    if size > BYTES_MAX:
        yield f"{size} bytes of JSON, at most {BYTES_MAX} are kept"


def _of_resource(place: str, resource: Resource, needed: tuple[str, ...]) -> Iterator[str]:
    for label in needed:
        if not resource.get(label):
            yield f"{place}: the label {label!r} is needed"
    if len(resource) > LABELS_MAX:
        yield f"{place}: {len(resource)} labels, at most {LABELS_MAX} are kept"
