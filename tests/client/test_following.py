"""Events and log lines of a server, followed by the SDK and the command line."""

from __future__ import annotations

import asyncio
import json
import threading
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from legato import flow, get_run_logger, runtime
from legato._backend import current as backends
from legato._cli import event_stream, main
from legato._sdk import following, services
from legato._settings import current as configuration
from legato.events import FlowRunSubscriber, ReceivedEvent, emit_event, get_events_subscriber
from legato.events.filters import EventFilter
from tests.remote.wire import Wire
from tests.server.conftest import api

__all__ = ["api"]

ORDER = {"prefect.resource.id": "shop.order.7"}
ORDERS = EventFilter(resource={"id": ["shop.order.7"]})


@pytest.fixture
def wire(api, tmp_path, monkeypatch):
    """A wire to the server through which this process records, and that can be cut."""
    wire = Wire(urlsplit(str(api.base_url)).port)
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    monkeypatch.setenv("LEGATO_API_URL", wire.url)
    monkeypatch.setattr(services, "_current", None)
    configuration.forget()
    yield wire
    backends.retire(str(tmp_path))
    monkeypatch.undo()
    configuration.forget()
    wire.close()


def post(api, *names):
    """Tell a server of events, as another process would."""
    at = "2026-01-01T12:00:00Z"
    body = [
        {"event": name, "resource": ORDER, "occurred": at, "id": str(uuid4())} for name in names
    ]
    assert api.post("/events", json=body).status_code == 204


@pytest.fixture
def no_asking(monkeypatch):
    """Nobody asks for events piece by piece."""

    async def refuse(*_):
        raise AssertionError("asked for what the stream tells")

    monkeypatch.setattr(following, "_events_after", refuse)


@pytest.mark.usefixtures("no_asking")
def test_events_come_by_the_stream_and_none_is_missed_where_it_is_cut(wire, api):
    async def hear():
        seen = []
        async with get_events_subscriber(ORDERS) as subscriber:
            post(api, "one", "two")
            async for event in subscriber:
                seen.append(event.event)
                if event.event == "two":
                    wire.cut()
                    post(api, "three")
                    wire.mend()
                    post(api, "four")
                if event.event == "four":
                    break
        return seen

    assert asyncio.run(asyncio.wait_for(hear(), 60)) == ["one", "two", "three", "four"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_where_no_stream_comes_through_events_are_asked_for():
    async def hear():
        async with get_events_subscriber(ORDERS) as subscriber:
            emit_event("one", ORDER)
            return (await anext(subscriber)).event

    assert asyncio.run(asyncio.wait_for(hear(), 60)) == "one"


def told(item):
    return item.event if isinstance(item, ReceivedEvent) else item.message


@pytest.mark.usefixtures("wire")
def test_a_flow_run_is_followed_from_its_first_event_to_its_last_line():
    begun, may_end, ids = threading.Event(), threading.Event(), []

    @flow(name="shop")
    def sell():
        ids.append(runtime.flow_run.id)
        get_run_logger().info("open")
        begun.set()
        assert may_end.wait(60)
        emit_event("sold", ORDER)
        get_run_logger().info("closed")

    async def follow():
        seen = []
        async with FlowRunSubscriber(ids[0], straggler_timeout=0.5) as subscriber:
            async for item in subscriber:
                seen.append(told(item))
                if seen[-1] == "open":
                    may_end.set()
        return seen

    thread = threading.Thread(target=sell)
    thread.start()
    assert begun.wait(60)
    try:
        seen = asyncio.run(asyncio.wait_for(follow(), 60))
    finally:
        may_end.set()
        thread.join()
    states = [one for one in seen if one.startswith("prefect.")]
    assert states == [f"prefect.flow-run.{name}" for name in ("Pending", "Running", "Completed")]
    lines = [one for one in seen if one in {"open", "closed"}]
    assert lines == ["open", "closed"]
    assert seen.count("sold") == 1
    assert seen.index("prefect.flow-run.Running") < seen.index("sold")
    assert seen[-1].startswith("Finished") or seen[-1] == "prefect.flow-run.Completed"


@pytest.mark.usefixtures("wire")
def test_the_command_line_prints_events_as_they_come(api, capsys, monkeypatch, tmp_path):
    def tell(_):
        post(api, "paid", "sent")

    monkeypatch.setattr(event_stream, "say", tell)
    assert main.run(["events", "stream", "--run-once"]) == 0
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["resource"]) == ("paid", ORDER)
    path = tmp_path / "events.txt"
    into = ["--output-file", str(path)]
    assert main.run(["event", "stream", "--run-once", "-o", "text", *into]) == 0
    assert path.read_text().endswith("| paid | shop.order.7\n")
