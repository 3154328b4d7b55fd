"""Events over HTTP: kept, listed, counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.model.test_event_filters import EMPTY
from tests.store.records import until

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def event(name, resource="shop.order.1", ago=timedelta(), **more):
    labels = more.pop("labels", {})
    return {
        "id": str(uuid4()),
        "event": name,
        "occurred": (NOW - ago).isoformat(),
        "resource": {"prefect.resource.id": resource, **labels},
        **more,
    }


@pytest.fixture
def post(api):
    def send(*events):
        answer = api.post("/events", json=list(events))
        assert answer.status_code == 204, answer.text

    return send


@pytest.fixture
def page(api):
    def ask(limit=50, **given):
        answer = api.post("/events/filter", json={"filter": given, "limit": limit})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def names(page):
    def ask(**given):
        return [found["event"] for found in page(**given)["events"]]

    return ask


@pytest.fixture
def count(api):
    def ask(countable, **body):
        answer = api.post(f"/events/count-by/{countable}", json={"filter": {}, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_an_event_comes_back_as_it_was_told(post, page):
    customer = {"prefect.resource.id": "shop.customer.5", "prefect.resource.role": "buyer"}
    told = event("paid", related=[customer], payload={"n": [1, None]}, follows=str(uuid4()))
    post(told)
    (found,) = page()["events"]
    assert datetime.fromisoformat(found.pop("received")) >= NOW
    assert datetime.fromisoformat(found.pop("occurred")) == NOW
    told.pop("occurred")
    assert found == told


def test_an_event_is_kept_once(post, page):
    told, other = event("paid"), event("sent")
    post(told, told)
    post(other, told)
    found = page()
    assert (found["total"], [e["event"] for e in found["events"]]) == (2, ["sent", "paid"])


def test_events_of_runs_and_told_ones_are_one_list(post, page, names, run, move, flow):
    run_id = run("PENDING", tags=["nightly"])["id"]
    move(run_id, "RUNNING")
    mine = f"prefect.flow-run.{run_id}"
    post(event("noted", mine), event("noted", "shop.order.2"))
    assert sorted(names(resource={"id": [mine]})) == [
        "noted",
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
    ]
    found = page(event={"name": ["prefect.flow-run.Running"]})["events"]
    assert [one["resource"]["prefect.resource.id"] for one in found] == [mine]
    assert found[0]["payload"]["intended"] == {"from": "PENDING", "to": "RUNNING"}
    roles = {one["prefect.resource.role"]: one for one in found[0]["related"]}
    assert roles["flow"]["prefect.resource.id"] == f"prefect.flow.{flow['id']}"
    assert roles["tag"]["prefect.resource.id"] == "prefect.tag.nightly"


@pytest.fixture
def marks(api, run, move, flow):
    """A flow run and a task run, both Running; what stands for their ids in a filter."""
    made = run("PENDING", tags=["nightly"])
    move(made["id"], "RUNNING")
    task = {"task_key": "t", "dynamic_key": "0", "name": "t-0", "tags": ["quick"]}
    task |= {"flow_run_id": made["id"], "state": {"type": "PENDING"}}
    task_id = api.post("/task_runs/", json=task).json()["id"]
    api.post(f"/task_runs/{task_id}/set_state", json={"state": {"type": "RUNNING"}})
    return {
        "{run}": made["id"],
        "{RUN}": made["id"].upper(),
        "{start}": made["id"][:11],
        "{task}": task_id,
        "{flow}": flow["id"],
        "{state}": made["state_id"],
    }


BUYER = {"prefect.resource.id": "shop.customer.5", "prefect.resource.role": "buyer", "vip": "yes"}
SELLER = {"prefect.resource.id": "shop.customer.6", "prefect.resource.role": "seller"}


FILTERS = (
    ({"event": {"prefix": ["order."]}}, "ab"),
    ({"event": {"prefix": ["order.%"]}}, ""),
    ({"event": {"name": ["order.paid", "x"]}}, "a"),
    ({"event": {"exclude_prefix": ["order.", "prefect."]}}, "c"),
    ({"event": {"exclude_name": ["order.paid"], "prefix": ["o", "c"]}}, "bc"),
    ({"resource": {"id": ["shop.order.1"]}}, "ab"),
    ({"resource": {"id_prefix": ["shop.customer"]}}, "c"),
    ({"resource": {"labels": {"color": "r*"}}}, "a"),
    ({"resource": {"labels": {"color": ["!red"]}}}, "b"),
    ({"resource": {"id_prefix": ["shop."], "distinct": True}}, "bc"),
    ({"related": {"id": ["shop.customer.5"]}}, "ab"),
    ({"related": {"id": ["shop.customer.5"], "role": ["seller"]}}, ""),
    ({"related": {"role": ["seller"]}}, "a"),
    ({"related": [{"role": ["buyer"]}, {"role": ["seller"]}]}, "a"),
    ({"related": {"resources_in_roles": [["shop.customer.6", "seller"]]}}, "a"),
    ({"related": {"labels": {"vip": "yes"}}}, "ab"),
    ({"any_resource": {"id": ["shop.customer.5"]}}, "abc"),
    ({"any_resource": {"id_prefix": ["shop.customer.6"]}}, "a"),
    ({"text": {"query": "sent +shop.order.1"}}, "b"),
    ({"text": {"query": "-blue order.1"}}, "a"),
    ({"occurred": {"since": (NOW - HOUR).isoformat()}, "event": {"prefix": ["o", "c"]}}, "bc"),
    ({"occurred": {"until": (NOW - HOUR).isoformat()}}, "a"),
)


LETTERS = {"order.paid": "a", "order.sent": "b", "customer.left": "c"}


def test_filters(post, page, run):
    run()  # whose event is none of those
    post(
        event("order.paid", ago=2 * HOUR, labels={"color": "red"}, related=[BUYER, SELLER]),
        event("order.sent", ago=HOUR / 2, labels={"color": "blue"}, related=[BUYER]),
        event("customer.left", "shop.customer.5"),
    )
    for given, expected in FILTERS:
        found = page(**given)
        letters = sorted(LETTERS[one["event"]] for one in found["events"])
        assert ("".join(letters), found["total"]) == (expected, len(expected)), given


FILTERS_OF_RUNS = (
    ({"resource": {"id": ["prefect.flow-run.{run}"]}}, 2),
    ({"resource": {"id": ["prefect.flow-run.{RUN}", "x"]}}, 0),
    ({"resource": {"id_prefix": ["prefect.flow-run.{start}"]}}, 2),
    ({"resource": {"id_prefix": ["prefect.flow-run.0000x", "shop"]}}, 0),
    ({"resource": {"id_prefix": ["prefect."]}}, 5),  # the flow was made
    ({"resource": {"id": ["prefect.task-run.{task}"]}}, 2),
    ({"resource": {"labels": {"prefect.state-type": "RUNNING"}}}, 2),
    ({"related": {"id": ["prefect.flow-run.{run}"]}}, 2),
    ({"related": {"id": ["prefect.flow.{flow}"]}}, 4),
    ({"related": {"id": ["prefect.flow.{flow}"], "role": ["tag"]}}, 0),
    ({"related": {"role": ["flow"]}}, 4),
    ({"related": {"role": ["deployment", "work-pool"]}}, 0),
    ({"related": {"id": ["prefect.tag.nightly"]}}, 4),
    ({"related": {"id": ["prefect.tag.quick"], "role": ["tag", "x"]}}, 2),
    ({"related": {"id": ["prefect.tag.other"]}}, 0),
    ({"related": {"resources_in_roles": [["prefect.tag.nightly", "flow"]]}}, 0),
    ({"any_resource": {"id": ["prefect.flow-run.{run}"]}}, 4),
    ({"any_resource": {"id_prefix": ["prefect.tag.nig"]}}, 4),
    ({"event": {"prefix": ["prefect.flow-run.R", "prefect.task-run.R"]}}, 2),
    ({"event": {"prefix": ["pre"], "exclude_name": ["prefect.task-run.Pending"]}}, 4),
    ({"event": {"exclude_prefix": ["prefect.task"]}}, 3),
    ({"id": {"id": ["{state}"]}}, 1),
)


def test_filters_on_events_of_runs(marks, page):
    for given, expected in FILTERS_OF_RUNS:
        found = page(**filled(given, marks))
        assert (len(found["events"]), found["total"]) == (expected, expected), given


def filled(value, named):
    if isinstance(value, dict):
        return {key: filled(item, named) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, named) for item in value]
    for mark, text in named.items():
        value = value.replace(mark, text)
    return value


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("more", [{}, {"labels": {"kind": "*"}}], ids=["columns", "labels"])
def test_pages_follow_each_other(api, post, page, run, order, more):
    for number in range(5):
        post(event(f"e.{number}", ago=number * HOUR, labels={"kind": "x"}))
        run()
    found = page(2, resource={"id_prefix": ["shop.", "prefect.flow-run."], **more}, order=order)
    seen, pages, total = list(found["events"]), 1, found["total"]
    while found["next_page"]:
        found = api.get(found["next_page"]).json()
        assert found["total"] == total
        seen, pages = seen + found["events"], pages + 1
    assert total == len(seen) == (5 if more else 10)
    assert pages == (3 if more else 5)
    times = [one["occurred"] for one in seen]
    assert times == sorted(times, reverse=order == "DESC")
    assert len({one["id"] for one in seen}) == total


def test_pages_of_one_event_for_each_resource(api, post, page):
    for number in range(6):
        post(event("e", f"shop.order.{number % 3}", ago=number * HOUR))
    found = page(1, resource={"distinct": True})
    seen = list(found["events"])
    while found["next_page"]:
        found = api.get(found["next_page"]).json()
        seen += found["events"]
    assert [one["resource"]["prefect.resource.id"][-1] for one in seen] == ["0", "1", "2"]


def test_an_empty_list_is_no_condition(page, post, run):
    run()
    post(event("x", related=[BUYER]))
    assert page(**EMPTY)["total"] == 2


def test_a_token_that_no_answer_gave_is_refused(api):
    for token in ("garbage", "e30", "bnVsbA", "%00", "é"):
        answer = api.get("/events/filter/next", params={"page-token": token})
        assert answer.status_code == 403


def test_counts_by_name_and_by_resource(post, count, run, move):
    post(event("a", ago=HOUR, labels={"prefect.resource.name": "old"}))
    post(event("a", labels={"prefect.resource.name": "new"}), event("b", "shop.order.2"))
    runs = {"event": {"exclude_prefix": ["prefect.flow."]}}  # the fixture makes a flow
    first, second = count("event", filter=runs)
    assert (first["value"], first["count"], second["value"]) == ("a", 2, "b")
    assert datetime.fromisoformat(first["start_time"]) == NOW - HOUR
    assert datetime.fromisoformat(first["end_time"]) == NOW
    move(run()["id"], "RUNNING")
    found = {one["label"]: one["count"] for one in count("resource", filter=runs)}
    assert found.pop("new") == 2
    assert found.pop("shop.order.2") == 1
    assert list(found.values()) == [2]
    labelled = {"resource": {"labels": {"prefect.resource.name": "*"}, "id_prefix": ["shop."]}}
    assert [one["count"] for one in count("event", filter=labelled)] == [2]


@pytest.mark.parametrize("labels", [{}, {"labels": {"x": "*"}}], ids=["columns", "labels"])
def test_counts_over_time(post, count, labels):
    start = NOW.replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    post(*(event("a", ago=NOW - start - n * HOUR, labels={"x": "1"}) for n in (0, 0, 2)))
    span = {"since": start.isoformat(), "until": (start + 3 * HOUR).isoformat()}
    given = {"resource": {"id": ["shop.order.1"], **labels}, "occurred": span}
    found = count("time", filter=given, time_unit="hour")
    assert [one["count"] for one in found] == [2, 0, 1, 0]
    assert datetime.fromisoformat(found[0]["start_time"]) == start
    assert datetime.fromisoformat(found[1]["label"]) == start + HOUR
    assert sum(one["count"] for one in count("day", filter=given)) == 3


REFUSED = (
    ("/events/filter", {"limit": 51}),
    ("/events/filter", {"limit": -1}),
    ("/events/filter", {"filter": {"event": {"like": "x"}}}),
    ("/events/filter", {"filter": {"text": {"query": "x" * 201}}}),
    ("/events/filter", {"filter": {"occurred": {"since": "0001-01-01T00:00:00+09:00"}}}),
    ("/events/count-by/event", {}),
    ("/events/count-by/time", {"filter": {}, "time_unit": "second"}),
    ("/events/count-by/time", {"filter": {}, "time_interval": 0.001}),
    ("/events/count-by/time", {"filter": {}, "time_unit": "month"}),
    ("/events", [event("")]),
    ("/events", [event("x" * 1025)]),
    ("/events", [event("x") | {"resource": {}}]),
    ("/events", [event("x") | {"resource": {"prefect.resource.id": 5}}]),
    ("/events", [event("x", related=[{"prefect.resource.id": "no role"}])]),
    ("/events", [event("x", related=[BUYER] * 101)]),
    ("/events", [event("x", labels={str(n): "" for n in range(500)})]),
    ("/events", [event("x", payload={"n": "x" * 1_500_000})]),
    ("/events", [event("x") | {"occurred": "0001-01-01T00:00:00+09:00"}]),
    ("/events", {"event": "x"}),
)


def test_what_cannot_be_is_refused(api, page):
    for path, body in REFUSED:
        answer = api.post(path, json=body)
        assert answer.status_code == 422, (path, body)
    assert page()["total"] == 0


def test_of_a_list_with_one_bad_event_none_is_kept(api, page):
    assert api.post("/events", json=[event("good"), event("")]).status_code == 422
    assert page()["events"] == []


def test_odd_texts_are_kept(post, page):
    odd = "\0 \u2028 'x' % _ \N{SNOWMAN}"
    told = event("odd", odd, payload={odd: odd}, labels={odd: odd})
    post(told | {"occurred": NOW.replace(tzinfo=None).isoformat()})
    (found,) = page()["events"]
    assert found["payload"] == {odd.replace("\0", "\ufffd"): odd.replace("\0", "\ufffd")}
    assert datetime.fromisoformat(found["occurred"]) == NOW


def test_a_resource_in_two_roles(post, page):
    judge = BUYER | {"prefect.resource.role": "judge"}
    post(event("x", "shop.customer.5", related=[BUYER, judge, BUYER]))
    (found,) = page(related=[{"role": ["buyer"]}, {"role": ["judge"]}])["events"]
    assert len(found["related"]) == 3


def test_the_limit_may_be_nothing(post, page):
    post(event("x"))
    assert page(0) == {"events": [], "total": 1, "next_page": None}


def test_ids_are_compared_whole(page, run):
    made = UUID(run()["id"])
    other = UUID(int=made.int ^ 1)
    assert page(resource={"id": [f"prefect.flow-run.{other}"]})["total"] == 0


def test_a_total_is_counted_so_far_only(post, page, monkeypatch):
    monkeypatch.setattr("legato._store.queries.events.TOTAL_MAX", 2)
    post(*(event("x") for _ in range(3)))
    found = page()
    assert (found["total"], len(found["events"])) == (2, 3)


def test_filters_pick_the_same_where_there_are_many(marks, post, page, monkeypatch):
    post(event("x", related=[BUYER], labels={"color": "red"}))
    prefixes = {"any_resource": {"id_prefix": ["shop.customer", "prefect.flow."]}}
    asked = [filled(given, marks) for given, _ in FILTERS_OF_RUNS] + [prefixes]
    asked += [{"event": {"prefix": ["x"]}}, {"related": {"id": ["shop.customer.5"]}}]
    few = [page(**given) for given in asked]
    monkeypatch.setattr("legato._store.queries.events.FEW", 0)
    for given, expected in zip(asked, few, strict=True):
        assert page(**given) == expected, given


def test_what_came_behind_a_cursor_is_told_once_and_in_order(api, post, run, move):
    def follow(cursor, **given):
        asked = {"cursor": cursor, "filter": given}

        def is_known():  # a server that has just begun may not know yet how far the log goes
            nonlocal answer
            answer = api.post("/events/follow", json=asked)
            return answer.status_code != 503

        answer = None
        until(is_known)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return [event["event"] for event in found["events"]], found["cursor"]

    post(event("before"))
    names, start = follow(None)
    assert names == []
    post(event("late", ago=HOUR), event("other", "shop.order.2"))
    move(run()["id"], "RUNNING")
    names, cursor = follow(start, resource={"id_prefix": ["shop."]})
    assert names == ["late", "other"]
    assert follow(start, occurred={"since": (NOW - HOUR / 2).isoformat()[:19]})[0] == [
        "other",
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
    ]
    assert follow(cursor) == ([], cursor)
    assert api.post("/events/follow", json={"cursor": "v9.1"}).status_code == 422
