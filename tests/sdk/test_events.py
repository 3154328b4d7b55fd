"""Events that flows emit, read and follow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from legato import flow, get_client, runtime, tags, task
from legato.events import Event, emit_event, get_events_client, get_events_subscriber
from legato.events.filters import EventFilter
from legato.exceptions import ValidationError

ORDER = {"prefect.resource.id": "shop.order.7", "prefect.resource.name": "Seven"}


@pytest.fixture
def read():
    """The events of a name, the oldest first."""

    def ask(name):
        with get_client(sync_client=True) as client:
            found = client.read_events(EventFilter(event={"name": [name]}, order="ASC"))
        return found.events

    return ask


def roles(event):
    return {role: one.id for role, one in event.resource_in_role.items()}


def test_an_event_outside_of_runs_comes_back_as_it_was_emitted(read):
    occurred = datetime.now(UTC) - timedelta(hours=1)
    buyer = {"prefect.resource.id": "shop.customer.5", "prefect.resource.role": "buyer"}
    told = emit_event("paid", ORDER, occurred, [buyer], {"n": (1, None)}, uuid4())
    [found] = read("paid")
    assert (found.id, found.occurred, found.resource) == (told.id, occurred, ORDER)
    assert (found.resource.name, found.payload) == ("Seven", {"n": [1, None]})
    assert [dict(one) for one in found.related] == [buyer]
    assert found.find_resource_label("related:buyer:prefect.resource.id") == "shop.customer.5"
    assert found.received > occurred


def test_an_event_of_a_task_is_related_to_its_runs(read):
    @task(tags=["b"])
    def pay():
        emit_event("paid", ORDER)
        return runtime.task_run.id

    @flow(name="shop")
    def work():
        emit_event("begun", {"prefect.resource.id": f"prefect.flow-run.{runtime.flow_run.id}"})
        return runtime.flow_run.id, pay.submit().result()

    with tags("a"):
        flow_run, task_run = work()
    [found] = read("paid")
    related = roles(found)
    assert related.pop("flow").startswith("prefect.flow.")
    assert related.pop("tag") == "prefect.tag.a"
    assert related == {
        "flow-run": f"prefect.flow-run.{flow_run}",
        "task-run": f"prefect.task-run.{task_run}",
    }
    assert [one.id for one in found.resources_in_role["tag"]] == ["prefect.tag.a", "prefect.tag.b"]
    [begun] = read("begun")
    assert "flow-run" not in roles(begun)  # it is what the event is about


def test_an_event_follows_one_that_is_not_long_ago(read):
    first = emit_event("first", ORDER)
    assert emit_event("second", ORDER, follows=first).follows == first.id
    late = first.occurred + timedelta(minutes=6)
    assert emit_event("late", ORDER, late, follows=first).follows is None
    assert read("second")[0].follows == first.id


@pytest.mark.parametrize(
    ("name", "resource", "more", "said"),
    [
        ("x", {}, {}, "prefect.resource.id"),
        ("", ORDER, {}, "1 to 1024 characters"),
        ("x", ORDER, {"related": [{"prefect.resource.id": "r"}]}, "prefect.resource.role"),
        ("x", ORDER, {"payload": {"n": "y" * 1_600_000}}, "1500000"),
        ("x", 7, {}, "resource"),
        (7, ORDER, {"occurred": "never"}, "occurred"),
    ],
)
def test_what_cannot_be_kept_is_refused(name, resource, more, said):
    with pytest.raises(ValidationError, match=said):
        emit_event(name, resource, **more)


def test_pages_follow_each_other():
    for number in range(5):
        emit_event("paid", ORDER, payload={"n": number})
    given = EventFilter(event={"name": ["paid"]}, order="ASC")
    with get_client(sync_client=True) as client:
        page, seen = client.read_events(given, limit=2), []
        while page is not None:
            seen += [event.payload["n"] for event in page.events]
            page = page.get_next_page_sync(client)
    assert seen == [0, 1, 2, 3, 4]


def test_who_subscribes_is_told_what_comes_and_nothing_twice():
    async def follow():
        emit_event("before", ORDER)
        given = EventFilter(event={"exclude_prefix": ["prefect."]})
        seen = []
        async with get_events_subscriber(given) as subscriber, get_events_client() as client:
            for number in range(3):
                await client.emit(Event(event=f"e.{number}", resource=ORDER))
            async for event in subscriber:
                seen.append(event.event)
                if event.event == "e.2":
                    await client.emit(Event(event="last", resource=ORDER))
                if event.event == "last":
                    break
        return seen

    assert asyncio.run(asyncio.wait_for(follow(), 60)) == ["e.0", "e.1", "e.2", "last"]
