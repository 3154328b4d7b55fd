"""Events and their resources as users make and read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Struct

from legato._model import event_filters, events
from legato._model.events import RESOURCE_ID, RESOURCE_NAME, ROLE
from legato._model.operations import events as operations
from legato._sdk.records import Record, RecordMeta
from legato._sdk.services import new_id

if TYPE_CHECKING:
    from legato._sdk.client.aio import Client
    from legato._sdk.client.sync import SyncClient

E = TypeVar("E", bound="EventRecord")


class Resource(dict[str, str]):
    """What something happened to: labels, of which `prefect.resource.id` is needed.

    >>> Resource({"prefect.resource.id": "shop.order.7"}).id
    'shop.order.7'
    """

    @property
    def id(self) -> str:
        """The id."""
        return self[RESOURCE_ID]

    @property
    def name(self) -> str | None:
        """The name, if there is one."""
        return self.get(RESOURCE_NAME)

    def prefect_object_id(self, kind: str) -> UUID:
        """Return the id of the object of that kind; raise ValueError for another resource.

        >>> flow = Resource({"prefect.resource.id": f"prefect.flow.{UUID(int=7)}"})
        >>> flow.prefect_object_id("prefect.flow").int
        7
        """
        prefix = kind.rstrip(".") + "."
        if not self.id.startswith(prefix):
            raise ValueError(f"Resource ID {self.id} does not start with {prefix}")
        return UUID(self.id.removeprefix(prefix))


class RelatedResource(Resource):
    """A resource that has to do with it, in a role: `prefect.resource.role`."""

    @property
    def role(self) -> str:
        """The role."""
        return self[ROLE]


class EventRecord(Record):
    """What events have, whether they were received or not."""

    __slots__ = ()

    @classmethod
    def wrap(cls, struct: Struct) -> Self:
        """Return a model struct as the public record."""
        return _with_resources(super().wrap(struct))

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return a record of a mapping or of another record; raise ValidationError."""
        return _with_resources(super().model_validate(obj))

    @property
    def involved_resources(self) -> Sequence[Resource]:
        """The resource and the related ones."""
        event: Any = self
        return [event.resource, *event.related]

    @property
    def resource_in_role(self) -> Mapping[str, RelatedResource]:
        """The first related resource of each role."""
        return {role: found[0] for role, found in self.resources_in_role.items()}

    @property
    def resources_in_role(self) -> Mapping[str, Sequence[RelatedResource]]:
        """The related resources of each role."""
        found: dict[str, list[RelatedResource]] = {}
        for one in cast("Any", self).related:
            found.setdefault(one.role, []).append(one)
        return found

    @property
    def size_bytes(self) -> int:
        """How large it is as JSON."""
        return len(msgspec.json.encode(self))

    def find_resource_label(self, label: str) -> str | None:
        """Return the value of a label: of `related:ROLE:LABEL` that of a resource in the role.

        >>> order = {"prefect.resource.id": "shop.order.7", "shop.total": "12"}
        >>> Event(event="paid", resource=order).find_resource_label("shop.total")
        '12'
        """
        if label.startswith("related:"):
            _, role, label = label.split(":", 2)
            found = self.resources_in_role.get(role, ())
            return next((one[label] for one in found if label in one), None)
        return next((one[label] for one in self.involved_resources if label in one), None)


def _with_resources(made: E) -> E:
    event: Any = made
    event.resource = Resource(event.resource)
    event.related = [RelatedResource(one) for one in event.related]
    return made


def _now() -> datetime:
    return datetime.now(UTC)


class Event(EventRecord, events.EventCreate, metaclass=RecordMeta, kw_only=True):
    """Something that happened, to a resource, at a time.

    >>> Event(event="paid", resource={"prefect.resource.id": "shop.order.7"}).resource.id
    'shop.order.7'
    """

    id: UUID = msgspec.field(default_factory=new_id)
    occurred: datetime = msgspec.field(default_factory=_now)


class ReceivedEvent(EventRecord, events.Event, metaclass=RecordMeta):
    """An event that was kept, with the time at which it came."""


class EventOccurredFilter(Record, event_filters.EventOccurredFilter, metaclass=RecordMeta):
    """When it occurred."""


class EventNameFilter(Record, event_filters.EventNameFilter, metaclass=RecordMeta):
    """The name of an event."""


class EventResourceFilter(Record, event_filters.EventResourceFilter, metaclass=RecordMeta):
    """The resource of an event."""


class EventRelatedFilter(Record, event_filters.EventRelatedFilter, metaclass=RecordMeta):
    """A related resource of an event."""


class EventAnyResourceFilter(Record, event_filters.EventAnyResourceFilter, metaclass=RecordMeta):
    """The resource of an event, or a related one."""


class EventIDFilter(Record, event_filters.EventIdFilter, metaclass=RecordMeta):
    """The id of an event."""


class EventTextFilter(Record, event_filters.EventTextFilter, metaclass=RecordMeta):
    """Words in an event."""


class EventFilter(Record, event_filters.EventFilter, metaclass=RecordMeta):
    """Which events.

    >>> EventFilter(event={"prefix": ["prefect.flow-run."]}).event.prefix
    ['prefect.flow-run.']
    """

    def includes(self, event: events.Event) -> bool:
        """Tell whether it picks an event."""
        return event_filters.includes(event_filters.zoned(self), event)


class EventPage(Record, operations.EventPage, metaclass=RecordMeta):
    """Some events; `next_page` says where further ones are."""

    @classmethod
    def wrap(cls, struct: Struct) -> Self:
        """Return a model struct as the public record, its events likewise."""
        made: Any = super().wrap(struct)
        made.events = [ReceivedEvent.wrap(event) for event in made.events]
        return cast("Self", made)

    async def get_next_page(self, client: Client) -> EventPage | None:
        """Return the page behind this one, or None."""
        return await client.read_events_page(self.next_page) if self.next_page else None

    def get_next_page_sync(self, client: SyncClient) -> EventPage | None:
        """Return the page behind this one, or None."""
        return client.read_events_page(self.next_page) if self.next_page else None
