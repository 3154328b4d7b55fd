"""What Prefect's clients tell of task runs by events: the newest state stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from legato._control.ids import new_id
from legato._server.safety import Access
from tests.store.records import until

NOW = datetime.now(UTC)
TYPES = {"Retrying": "RUNNING", "Cached": "COMPLETED"}


@pytest.fixture
def tell(run):
    """An event of one task run in a flow run, `second` seconds after it began."""
    flow_run, task_run = run("RUNNING")["id"], str(uuid4())

    def event(name, second, **more):
        state = {"type": TYPES.get(name, name.upper()), "name": name, "state_details": {}}
        started = (NOW + timedelta(seconds=1)).isoformat() if second else None
        return {
            "id": str(uuid4()),
            "occurred": (NOW + timedelta(seconds=second)).isoformat(),
            "event": f"prefect.task-run.{name}",
            "resource": {
                "prefect.resource.id": f"prefect.task-run.{task_run}",
                "prefect.resource.name": "add-1",
                "prefect.orchestration": "client",
            },
            "related": [
                {
                    "prefect.resource.id": f"prefect.flow-run.{flow_run}",
                    "prefect.resource.role": "flow-run",
                }
            ],
            "payload": {
                "validated_state": state,
                "task_run": {
                    "name": "add-1",
                    "task_key": "add-12",
                    "dynamic_key": "k",
                    "tags": ["x"],
                    "task_inputs": {"a": [{"input_type": "constant", "type": "int"}], "b": []},
                    "run_count": int(second > 0),
                    "flow_run_run_count": 1,
                    "start_time": started,
                    "total_run_time": 0.5,
                    **more,
                },
            },
        }

    return event


@pytest.fixture
def post(api):
    def send(*events):
        answer = api.post("/events", json=list(events))
        assert answer.status_code == 204, answer.text

    return send


def only(api):
    (found,) = api.post("/task_runs/filter").json()
    return found


def history(api, task_run_id):
    states = api.get("/task_run_states/", params={"task_run_id": task_run_id}).json()
    return [state["name"] for state in states]


@pytest.mark.parametrize(("apart", "status"), [(0.5, 200), (-30, 200), (90, 404)])
def test_a_state_is_found_by_an_id_of_about_its_time(api, tell, post, apart, status):
    event = tell("Pending", 0)
    occurred = datetime.fromisoformat(event["occurred"])
    event["id"] = str(new_id(occurred + timedelta(seconds=apart)))
    post(event)
    answer = api.get(f"/task_run_states/{event['id']}")
    assert answer.status_code == status
    if answer.is_success:
        assert answer.json()["id"] == event["id"]
        details = answer.json()["state_details"]
        assert (details["task_run_id"], details["flow_run_id"]) == (
            only(api)["id"],
            only(api)["flow_run_id"],
        )


def test_a_task_run_is_what_its_events_say(api, tell, post):
    events = [tell("Pending", 0), tell("Running", 1), tell("Completed", 2)]
    post(*events)
    found = only(api)
    assert (found["name"], found["state_name"], found["run_count"]) == ("add-1", "Completed", 1)
    assert (found["tags"], found["task_key"], found["dynamic_key"]) == (["x"], "add-12", "k")
    assert found["state_id"] == events[-1]["id"]
    assert found["total_run_time"] == 0.5
    assert found["start_time"] is not None
    assert history(api, found["id"]) == ["Pending", "Running", "Completed"]


def test_an_event_that_comes_twice_or_late_changes_nothing(api, tell, post):
    pending, running, completed = tell("Pending", 0), tell("Running", 1), tell("Completed", 2)
    post(pending, completed)
    post(running)
    post(pending, running, completed)
    found = only(api)
    assert found["state_name"] == "Completed"
    assert history(api, found["id"]) == ["Pending", "Completed"]


def test_a_retry_goes_on(api, tell, post):
    post(tell("Pending", 0), tell("Running", 1), tell("Retrying", 2, run_count=2))
    assert (only(api)["state_name"], only(api)["run_count"]) == ("Retrying", 2)


def test_what_a_history_cannot_hold_is_kept_as_an_event(api, tell, post):
    post(tell("Pending", 0), tell("Completed", 1), tell("Cancelling", 2))
    assert only(api)["state_name"] == "Completed"
    names = [event["event"].rpartition(".")[2] for event in all_events(api, tell)]
    assert names == ["Cancelling", "Completed", "Pending"]


def all_events(api, tell):
    resource = tell("Pending", 0)["resource"]["prefect.resource.id"]
    until = {"until": (NOW + timedelta(minutes=1)).isoformat()}
    body = {"filter": {"resource": {"id": [resource]}, "occurred": until}}
    return api.post("/events/filter", json=body).json()["events"]


def test_what_came_late_is_among_the_events(api, tell, post):
    running = tell("Running", 1)
    post(tell("Pending", 0), tell("Completed", 2))
    post(running)
    found = {event["id"]: event for event in all_events(api, tell)}
    assert len(found) == 3
    assert found[running["id"]]["resource"]["prefect.run-count"] == "1"


def test_an_event_that_cannot_be_read_is_told(api, tell):
    event = tell("Pending", 0)
    event["payload"] = {}
    assert api.post("/events", json=[event]).status_code == 422
    assert api.post("/events", content=b"{").status_code == 422


def stream(api, **more):
    url = str(api.base_url).replace("http", "ws").rstrip("/")
    return connect(f"{url}/events/in", **more)


def test_a_stream_of_events(api, tell):
    with stream(api, subprotocols=["prefect"]) as socket:
        socket.send(json.dumps({"type": "auth", "token": None}))
        assert json.loads(socket.recv(30)) == {"type": "auth_success"}
        for event in (tell("Pending", 0), tell("Running", 1)):
            socket.send(json.dumps(event))
        socket.send("no json")
        with pytest.raises(ConnectionClosedError):
            socket.recv(30)
    running = {"task_runs": {"state": {"name": {"any_": ["Running"]}}}}
    until(lambda: api.post("/task_runs/filter", json=running).json())


@pytest.mark.parametrize("first", ['{"type":"auth","token":"wrong"}', '{"type":"filter"}', "x"])
def test_who_connects_says_who_he_is(serve, first):
    with (
        serve(Access(auth_string="a:b")) as client,
        stream(client, subprotocols=["prefect"]) as socket,
    ):
        socket.send(first)
        with pytest.raises(ConnectionClosedError) as caught:
            socket.recv(30)
        assert caught.value.rcvd.code == 1008


@pytest.mark.parametrize(
    "more",
    [{"origin": "https://evil.example", "subprotocols": ["prefect"]}, {}],
    ids=["foreign", "without the subprotocol"],
)
def test_other_websockets_are_refused(api, more):
    with pytest.raises(InvalidStatus) as caught:
        stream(api, **more)
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("apart", [False, True])
def test_how_often_the_flow_run_was_tried_is_told_by_the_newest_state(api, post, tell, apart):
    first, second = tell("Pending", 0, flow_run_run_count=0), tell("Running", 1)
    for batch in [[first], [second]] if apart else [[first, second]]:
        post(*batch)
    assert only(api)["flow_run_run_count"] == 1


def test_what_a_state_says_of_the_result_is_kept(api, post, tell):
    event = tell("Completed", 1)
    event["payload"]["validated_state"]["data"] = {"storage_key": "a"}
    post(event)
    assert only(api)["state"]["data"] == {"storage_key": "a"}
