"""Events of slots that flows and tasks take and give back."""

from __future__ import annotations

import pytest

from legato import flow, get_client, runtime, task
from legato.client.schemas.actions import GlobalConcurrencyLimitCreate
from legato.concurrency.sync import concurrency, rate_limit
from legato.events.filters import EventFilter


@pytest.fixture
def limit():
    def make(name, slots, decay=0.0):
        made = GlobalConcurrencyLimitCreate(name=name, limit=slots, slot_decay_per_second=decay)
        with get_client(sync_client=True) as client:
            client.create_global_concurrency_limit(made)

    return make


def of_slots():
    given = EventFilter(event={"prefix": ["prefect.concurrency-limit."]}, order="ASC")
    with get_client(sync_client=True) as client:
        found = client.read_events(given).events
    return [event for event in found if not event.event.endswith("created")]


def test_events_tell_of_slots_that_are_taken_and_given_back(limit):
    limit("a", 3)
    limit("b", 2)

    @flow
    def work():
        with concurrency(["a", "b", "none"], occupy=2):
            return runtime.flow_run.id

    run_id = work()
    *taken, first, second = of_slots()
    assert [event.event.rpartition(".")[2] for event in (*taken, first, second)] == [
        "acquired", "acquired", "released", "released"
    ]  # fmt: skip
    for event, of, other in ((first, *taken), (second, *reversed(taken))):
        assert event.follows == of.id
        for one in (event, of):
            assert one.resource["slots-acquired"] == "2"
            roles = {role: found.id for role, found in one.resource_in_role.items()}
            assert roles["concurrency-limit"] == other.resource.id
            assert roles["flow-run"] == f"prefect.flow-run.{run_id}"
    assert {(e.resource.name, e.resource["limit"]) for e in taken} == {("a", "3"), ("b", "2")}


def test_an_event_tells_which_task_run_holds_the_slot_of_its_tag(limit):
    limit("tag:db", 1)

    @task(tags=["db"])
    def query():
        return runtime.task_run.id

    @flow
    def work():
        return query()

    run_id = work()
    taken, released = of_slots()
    assert taken.resource.name == "tag:db"
    for event in (taken, released):
        assert event.resource_in_role["task-run"].id == f"prefect.task-run.{run_id}"


def test_an_event_tells_of_a_rate_limit_that_was_used(limit):
    limit("api", 5, decay=1.0)
    rate_limit("api", occupy=2)
    [taken] = of_slots()
    assert (taken.event, taken.resource.name) == ("prefect.concurrency-limit.acquired", "api")
