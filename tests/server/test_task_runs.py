"""Task runs as Prefect's clients ask for them: keys, pages, names, states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.store.records import Sender, whole_task


@pytest.fixture
def task(api):
    """Create a task run; returns the answer."""

    def create(flow_run_id=None, state="PENDING", **more):
        body = {
            "task_key": "add-1",
            "dynamic_key": str(uuid4()),
            "flow_run_id": flow_run_id,
            "state": {"type": state, "name": None},
            **more,
        }
        return api.post("/task_runs/", json=body)

    return create


@pytest.fixture
def step(api):
    """Propose a state for a task run; returns status code, status and the state's name."""

    def propose(run_id, type_, *, force=False, **state):
        body = {"state": {"type": type_, **state}, "force": force}
        answer = api.post(f"/task_runs/{run_id}/set_state", json=body)
        found = answer.json()
        return answer.status_code, found["status"], found["state"]["name"]

    return propose


@pytest.fixture
def running(run, move):
    """A flow run that runs."""

    def create():
        made = run()
        move(made["id"], "RUNNING")
        return made["id"]

    return create


def read(api, run_id):
    return api.get(f"/task_runs/{run_id}").json()


def test_a_key_is_unique_among_the_runs_of_one_task_in_one_flow_run(run, task):
    first, second = run()["id"], run()["id"]
    made = [
        task(flow_run_id, task_key=task_key, dynamic_key="0")
        for flow_run_id, task_key in [
            (first, "a"), (first, "a"), (first, "b"), (second, "a"), (None, "a"), (None, "a"),
        ]
    ]  # fmt: skip
    assert [answer.status_code for answer in made] == [201, 200, 201, 201, 201, 200]
    assert len({answer.json()["id"] for answer in made}) == 4


def test_all_that_is_said_of_a_task_run_is_kept(api, run, task):
    flow_run_id, run_id = run()["id"], str(uuid4())
    inputs = {"a": [{"input_type": "constant", "type": "int"}], "b": []}
    policy = {"max_retries": 0, "retries": 2, "retry_delay": [1, 5], "retry_jitter_factor": None}
    said = {"name": "add-0", "task_version": "v", "tags": ["x"]}
    more = {"task_inputs": inputs, "empirical_policy": policy}
    made = task(flow_run_id, id=run_id, labels={"a": 1}, **said, **more)
    assert made.status_code == 201, made.text
    found = read(api, run_id)
    assert found["labels"]["a"] == 1
    assert {name: found[name] for name in said} == said
    assert found["task_inputs"] == inputs
    assert (found["empirical_policy"]["retries"], found["state"]["name"]) == (2, "Pending")
    assert found["empirical_policy"]["retry_delay"] == [1.0, 5.0]


def test_a_task_run_needs_little(api):
    made = api.post("/task_runs/", json={"task_key": "t", "dynamic_key": "0"}).json()
    assert (made["state_type"], made["flow_run_id"]) == ("PENDING", None)
    assert made["name"].count("-") == 1


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"flow_run_id": str(uuid4())}, 409),
        ({"task_key": None}, 422),
        ({"state": {"type": "NONE"}}, 422),
        ({"state": {"type": "CANCELLING"}}, 422),
        ({"task_inputs": {"a": [{"input_type": "other"}]}}, 422),
        ({"empirical_policy": {"retries": "many"}}, 422),
        ({"x": 1}, 422),
    ],
)
def test_what_no_task_run_can_be_is_refused(task, wrong, status):
    assert task(**wrong).status_code == status


def test_the_name_of_a_task_run_changes(api, task):
    run_id = task().json()["id"]
    assert api.patch(f"/task_runs/{run_id}", json={"name": "new"}).status_code == 204
    assert read(api, run_id)["name"] == "new"
    assert api.patch(f"/task_runs/{run_id}", json={}).status_code == 204
    assert api.patch(f"/task_runs/{uuid4()}", json={"name": "new"}).status_code == 404


def test_task_runs_come_in_pages(api, run, task):
    flow_run_id = run()["id"]
    for n in range(3):
        task(flow_run_id, name=str(n))
    body = {"sort": "NAME_ASC", "limit": 2, "page": 2}
    page = api.post("/task_runs/paginate", json=body).json()
    assert (page["count"], page["pages"], page["page"], page["limit"]) == (3, 2, 2, 2)
    assert [found["name"] for found in page["results"]] == ["2"]
    assert page["results"][0]["state"]["state_details"]["task_run_id"] == page["results"][0]["id"]


def test_a_task_run_runs_and_completes(api, running, task, step):
    run_id = task(running()).json()["id"]
    assert step(run_id, "RUNNING") == (201, "ACCEPT", "Running")
    assert step(run_id, "COMPLETED", message="done") == (201, "ACCEPT", "Completed")
    found = read(api, run_id)
    assert (found["run_count"], found["flow_run_run_count"]) == (1, 1)
    assert found["state"]["message"] == "done"


@pytest.mark.parametrize(
    ("start", "proposed", "expected"),
    [
        ("RUNNING", "RUNNING", (201, "ACCEPT", "Rerunning")),
        ("COMPLETED", "RUNNING", (201, "ACCEPT", "Retrying")),
        ("FAILED", "PENDING", (201, "ACCEPT", "Pending")),
        ("FAILED", "CANCELLING", (200, "ABORT", "Failed")),
        ("COMPLETED", "CRASHED", (200, "ABORT", "Completed")),
        ("PENDING", "CANCELLED", (201, "ACCEPT", "Cancelled")),
    ],
)
def test_which_state_may_follow(running, task, step, start, proposed, expected):
    run_id = task(running(), start).json()["id"]
    assert step(run_id, proposed) == expected


def test_tasks_of_a_flow_that_does_not_run_do_not_run(api, run, running, move, task, step):
    waiting = task(run("PENDING")["id"]).json()["id"]
    assert step(waiting, "RUNNING") == (200, "ABORT", "Pending")
    assert step(waiting, "RUNNING", force=True) == (201, "ACCEPT", "Running")
    flow_run_id = running()
    move(flow_run_id, "PAUSED", state_details={"pause_reschedule": False})
    held = task(flow_run_id).json()["id"]
    assert step(held, "RUNNING") == (201, "REJECT", "NotReady")
    assert read(api, held)["state_type"] == "PAUSED"


def test_retries_are_decided_here(api, running, task, step):
    policy = {"retries": 2, "retry_delay": [600, 1200]}
    run_id = task(running(), empirical_policy=policy).json()["id"]
    for force, delay in [(False, 600), (True, 1200)]:
        assert step(run_id, "RUNNING", force=force) == (201, "ACCEPT", "Running")
        assert step(run_id, "FAILED", message="no") == (201, "REJECT", "AwaitingRetry")
        due = datetime.fromisoformat(read(api, run_id)["next_scheduled_start_time"])
        left = (due - datetime.now(UTC)).total_seconds()
        assert delay - 300 < left <= delay
    assert step(run_id, "RUNNING")[1] == "WAIT"
    step(run_id, "RUNNING", force=True)
    assert step(run_id, "FAILED") == (201, "ACCEPT", "Failed")
    assert step(run_id, "RUNNING") == (201, "ACCEPT", "Running")
    assert read(api, run_id)["run_count"] == 1


def test_a_run_that_may_not_be_retried_fails(running, task, step):
    run_id = task(running(), empirical_policy={"retries": 2}).json()["id"]
    step(run_id, "RUNNING")
    details = {"retriable": False}
    assert step(run_id, "FAILED", state_details=details) == (201, "ACCEPT", "Failed")


def test_one_worker_takes_a_deferred_run(api, task, step):
    due = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    details = {"deferred": True, "scheduled_time": due}
    state = {"type": "SCHEDULED", "state_details": details}
    body = {"task_key": "bg", "dynamic_key": "1", "state": state}
    made = api.post("/task_runs/", json=body)
    run_id = made.json()["id"]
    taken = {"state_details": {"deferred": True}}
    assert step(run_id, "PENDING", **taken) == (201, "ACCEPT", "Pending")
    assert step(run_id, "PENDING", **taken) == (200, "ABORT", "Pending")
    assert step(run_id, "RUNNING", **taken) == (201, "ACCEPT", "Running")


def test_a_step_of_a_process_that_records_itself_is_not_run_again(api, store, step):
    sender = Sender(store)
    flow_run_id = sender.start()
    made, records = whole_task(flow_run_id)
    sender.send(*records)
    assert step(made.id, "RUNNING", force=True) == (200, "ABORT", "Completed")
    assert [s["name"] for s in _history(api, made.id)] == ["Pending", "Running", "Completed"]


def _history(api, run_id):
    return api.get("/task_run_states/", params={"task_run_id": str(run_id)}).json()


def test_a_task_run_that_is_not_there(api):
    answer = api.post(f"/task_runs/{uuid4()}/set_state", json={"state": {"type": "RUNNING"}})
    assert answer.status_code == 404
    assert "not found" in answer.json()["exception_message"]


def test_a_task_run_stands_for_the_subflow_run_below_it(api, run):
    above = run("RUNNING")
    body = {"task_key": "t", "dynamic_key": "0", "flow_run_id": above["id"]}
    stands = api.post("/task_runs/", json=body).json()["id"]
    below = run("RUNNING", parent_task_run_id=stands)
    for exists, found in ((True, [stands]), (False, [])):
        asked = {"task_runs": {"subflow_runs": {"exists_": exists}}}
        assert [r["id"] for r in api.post("/task_runs/filter", json=asked).json()] == found
    details = api.get(f"/task_runs/{stands}").json()["state"]["state_details"]
    assert details["child_flow_run_id"] == below["id"]
    assert below["root_flow_run_id"] == above["id"]


@pytest.mark.parametrize("ends", ["COMPLETED", "FAILED", "RUNNING"])
def test_what_is_left_of_a_run_is_closed_and_an_end_stays(api, run, move, ends):
    flow_run = run("RUNNING")["id"]
    task = {"flow_run_id": flow_run, "task_key": "t", "dynamic_key": "0"}
    left = api.post("/task_runs/", json={**task, "state": {"type": "RUNNING"}}).json()["id"]
    move(flow_run, ends)
    for _ in range(2):
        answer = api.post(f"/flow_runs/{flow_run}/close_rest", json={"message": "gone"})
        assert answer.status_code == 204, answer.text
    assert api.get(f"/task_runs/{left}").json()["state_type"] == "CRASHED"
    expected = "CRASHED" if ends == "RUNNING" else ends
    assert api.get(f"/flow_runs/{flow_run}").json()["state_type"] == expected


def test_a_policy_has_all_its_parts(api):
    made = api.post("/task_runs/", json={"task_key": "t", "dynamic_key": "0"}).json()
    parts = {"retries", "retry_delay", "retry_jitter_factor"}
    assert made["empirical_policy"] == {
        "max_retries": 0,
        "retry_delay_seconds": 0.0,
        **dict.fromkeys(parts),
    }


def test_older_names_of_a_policy_count(api):
    policy = {"max_retries": 2, "retry_delay_seconds": 2.5}
    body = {"task_key": "t", "dynamic_key": "0", "empirical_policy": policy}
    found = api.post("/task_runs/", json=body).json()["empirical_policy"]
    assert (found["retries"], found["retry_delay"]) == (2, 2.5)


def test_a_task_run_has_the_labels_of_its_flow_run(api, run):
    above = run("RUNNING", labels={"owner": "b"})
    body = {"task_key": "t", "dynamic_key": "0", "labels": {"own": 1}}
    made = api.post("/task_runs/", json={**body, "flow_run_id": above["id"]}).json()
    ids = {"prefect.flow.id": above["flow_id"], "prefect.flow-run.id": above["id"]}
    assert made["labels"] == {"team": "a", "owner": "b", **ids, "own": 1}
    assert api.get(f"/task_runs/{made['id']}").json()["labels"] == made["labels"]


def test_scheduled_without_a_time_is_due_now(api):
    state = {"type": "SCHEDULED"}
    body = {"task_key": "t", "dynamic_key": "0", "state": state}
    made = api.post("/task_runs/", json=body).json()
    assert made["next_scheduled_start_time"] == made["expected_start_time"] == made["created"]


@pytest.mark.parametrize("state", ["SCHEDULED", "COMPLETED", "PENDING"])
def test_a_task_run_is_where_the_run_that_it_stands_for_begins(api, run, state):
    body = {"flow_run_id": run("RUNNING")["id"], "task_key": "t", "dynamic_key": "0"}
    above = api.post("/task_runs/", json=body).json()["id"]
    below = run(state, parent_task_run_id=above)
    found = api.get(f"/task_runs/{above}").json()
    assert found["state_type"] == state
    if state != "PENDING":  # where it was before
        assert found["state"]["state_details"]["child_flow_run_id"] == below["id"]
        states = api.get("/task_run_states/", params={"task_run_id": above}).json()
        assert [one["type"] for one in states] == ["PENDING", state]
    assert below["state"]["state_details"]["task_run_id"] == above


def test_answers_to_proposals_name_the_runs(api, run):
    over = run("RUNNING")["id"]
    key = {"task_key": "t", "dynamic_key": "0"}
    task_run = api.post("/task_runs/", json={**key, "flow_run_id": over}).json()["id"]
    below = run("PENDING", parent_task_run_id=task_run)["id"]
    named = {
        f"/flow_runs/{over}": (over, None),
        f"/flow_runs/{below}": (below, task_run),
        f"/task_runs/{task_run}": (over, task_run),
    }
    for path, ids in named.items():
        for kind in ("RUNNING", "PENDING", "COMPLETED"):
            answer = api.post(f"{path}/set_state", json={"state": {"type": kind}}).json()
            details = answer["state"]["state_details"]
            assert (details["flow_run_id"], details["task_run_id"]) == ids


@pytest.mark.parametrize(("force", "count"), [(True, 2), (False, 1)])
def test_tries_are_counted_anew_after_the_end_but_not_by_force(api, run, force, count):
    body = {"flow_run_id": run("RUNNING")["id"], "task_key": "t", "dynamic_key": "0"}
    place = f"/task_runs/{api.post('/task_runs/', json=body).json()['id']}"
    for kind, forced in (("RUNNING", False), ("FAILED", False), ("RUNNING", force)):
        asked = {"state": {"type": kind}, "force": forced}
        assert api.post(f"{place}/set_state", json=asked).status_code == 201
    assert api.get(place).json()["run_count"] == count
