"""Which events somebody wants, under Prefect's names; `includes` tells it of an event at hand.

An empty list is no condition. Values of labels may have `*` for any text, and `!` before them for
all other values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, structs

from legato._model.errors import InvalidRequest
from legato._model.events import RESOURCE_ID, ROLE, Event, Resource
from legato._model.filters import Leaf
from legato._model.text_search import QUERY_MAX, parsed

LOOK_BACK = timedelta(days=180)
Labels = dict[str, str | list[str]]


class EventOrder(str, Enum):
    """By the time at which events occurred."""

    ASC = "ASC"
    DESC = "DESC"


class EventOccurredFilter(Leaf):
    """When it occurred, inclusive; without `since` in the last 180 days, without `until` by now."""

    since: datetime | None = None
    until: datetime | None = None


class EventNameFilter(Leaf):
    """Conditions on the name."""

    prefix: list[str] | None = None
    exclude_prefix: list[str] | None = None
    name: list[str] | None = None
    exclude_name: list[str] | None = None


class EventResourceFilter(Leaf):
    """Conditions on the resource; `distinct`: one event for each, the first in the order."""

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: Labels | None = None
    distinct: bool = False


class EventRelatedFilter(Leaf):
    """Conditions on a related resource: one must meet all of them."""

    id: list[str] | None = None
    role: list[str] | None = None
    resources_in_roles: list[tuple[str, str]] | None = None
    labels: Labels | None = None


class EventAnyResourceFilter(Leaf):
    """Conditions on the resource or a related one: one must meet all of them."""

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: Labels | None = None


class EventIdFilter(Leaf):
    """Conditions on the id."""

    id: list[UUID] | None = None


class EventTextFilter(Leaf):
    """Words in the name, the resources or the payload, such as `+etl late -"dry run"`."""

    query: Annotated[str, Meta(max_length=QUERY_MAX)]


class EventFilter(Leaf):
    """Which events; all conditions must be met, of a list all of its members."""

    occurred: EventOccurredFilter | None = None
    event: EventNameFilter | None = None
    resource: EventResourceFilter | None = None
    related: EventRelatedFilter | list[EventRelatedFilter] | None = None
    any_resource: EventAnyResourceFilter | list[EventAnyResourceFilter] | None = None
    id: EventIdFilter | None = None
    text: EventTextFilter | None = None
    order: EventOrder = EventOrder.DESC


def frozen(given: EventFilter, now: datetime) -> EventFilter:
    """Return a filter that picks the same events whenever it is used: the times are said."""
    since, until = span(given, now)
    return structs.replace(given, occurred=EventOccurredFilter(since=since, until=until))


def span(given: EventFilter, now: datetime) -> tuple[datetime, datetime]:
    """Return since when and until when events are asked for."""
    said = given.occurred or EventOccurredFilter()
    try:
        since = now - LOOK_BACK if said.since is None else in_utc(said.since)
        return since, now if said.until is None else in_utc(said.until)
    except OverflowError:
        raise InvalidRequest("occurred: A time lies outside of the years 1 to 9999.") from None


def in_utc(value: datetime) -> datetime:
    """Return a time in UTC, which is meant where no zone is said."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def zoned(given: EventFilter) -> EventFilter:
    """Return a filter whose times say where they are meant."""
    said = given.occurred or EventOccurredFilter()
    since, until = (None if time is None else in_utc(time) for time in (said.since, said.until))
    return structs.replace(given, occurred=EventOccurredFilter(since=since, until=until))


def related_filters(given: EventFilter) -> list[EventRelatedFilter]:
    """Return the conditions on related resources, each of which must be met."""
    found = given.related
    return found if isinstance(found, list) else [] if found is None else [found]


def any_resource_filters(given: EventFilter) -> list[EventAnyResourceFilter]:
    """Return the conditions on resources of any kind, each of which must be met."""
    found = given.any_resource
    return found if isinstance(found, list) else [] if found is None else [found]


def includes(given: EventFilter, event: Event) -> bool:
    """Tell whether an event is one of those that a filter asks for."""
    return (
        _occurred(given.occurred, event)
        and (given.id is None or not given.id.id or event.id in given.id.id)
        and _named(given.event, event.event)
        and (given.resource is None or _is_resource(given.resource, event.resource))
        and all(_has(one, event.related) for one in related_filters(given))
        and all(
            any(_is_resource(one, resource) for resource in (event.resource, *event.related))
            for one in any_resource_filters(given)
        )
        and (given.text is None or parsed(given.text.query).finds(_text(event)))
    )


def _occurred(given: EventOccurredFilter | None, event: Event) -> bool:
    if given is None:
        return True
    early = given.since is not None and event.occurred < given.since
    late = given.until is not None and event.occurred > given.until
    return not early and not late


def _named(given: EventNameFilter | None, name: str) -> bool:
    if given is None:
        return True
    return (
        _begins(name, given.prefix)
        and (not given.name or name in given.name)
        and (not given.exclude_prefix or not name.startswith(tuple(given.exclude_prefix)))
        and (not given.exclude_name or name not in given.exclude_name)
    )


def _begins(text: str, prefixes: Iterable[str] | None) -> bool:
    return not prefixes or text.startswith(tuple(prefixes))


def _is_resource(given: EventResourceFilter | EventAnyResourceFilter, resource: Resource) -> bool:
    id_ = resource.get(RESOURCE_ID, "")
    return (
        (not given.id or id_ in given.id)
        and _begins(id_, given.id_prefix)
        and labelled(given.labels, resource)
    )


def _has(given: EventRelatedFilter, related: Iterable[Resource]) -> bool:
    return any(_is_related(given, resource) for resource in related)


def _is_related(given: EventRelatedFilter, resource: Resource) -> bool:
    id_, role, pairs = resource.get(RESOURCE_ID), resource.get(ROLE), given.resources_in_roles
    return (
        (not given.id or id_ in given.id)
        and (not given.role or role in given.role)
        and (not pairs or (id_, role) in pairs)
        and labelled(given.labels, resource)
    )


def labelled(wanted: Mapping[str, str | list[str]] | None, resource: Resource) -> bool:
    """Tell whether a resource has all labels that are wanted, each with one of its values.

    >>> labelled({"state": ["Fail*", "Crashed"]}, {"state": "Failed"})
    True
    """
    return all(
        label in resource and any(_fits(value, resource[label]) for value in _listed(values))
        for label, values in (wanted or {}).items()
    )


def _listed(values: str | list[str]) -> list[str]:
    return values if isinstance(values, list) else [values]


def _fits(wanted: str, value: str) -> bool:
    if wanted.startswith("!"):
        return not _fits(wanted[1:], value)
    return wanted == value or ("*" in wanted and bool(_pattern(wanted).fullmatch(value)))


@lru_cache(maxsize=256)
def _pattern(wanted: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, wanted.split("*"))), re.DOTALL)


def _text(event: Event) -> str:
    values = [value for found in (event.resource, *event.related) for value in found.values()]
    return " ".join([event.event, *values, msgspec.json.encode(event.payload).decode()])
