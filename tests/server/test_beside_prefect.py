"""The same requests to a real server of Prefect's and to ours, with the same answers.

They run only where a Python is named that has Prefect 3.8.8:

    LEGATO_TEST_PREFECT=venv/bin/python python -m pytest tests/server/test_beside_prefect.py

LEGATO_TEST_WALKS=300 makes more of the walks by chance, LEGATO_TEST_SEED=N the same again. What is
known to differ: sentences are ours; a run that goes on after a pause is no new try here; `_` and
`%` in `like_` are no wildcards.
"""

from __future__ import annotations

import os
import random

import httpx
import pytest

from tests.server.prefect_server import MOMENTS, OURS, Pair, prefect_server, without

PREFECT = os.environ.get("LEGATO_TEST_PREFECT")
WALKS = int(os.environ.get("LEGATO_TEST_WALKS", "60"))
pytestmark = [
    pytest.mark.skipif(PREFECT is None, reason="LEGATO_TEST_PREFECT names no Python with Prefect"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    with prefect_server(PREFECT, tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture
def pair(theirs, api):
    with httpx.Client(base_url=theirs, timeout=30) as client:
        yield Pair(client, api)


# ---- lists --------------------------------------------------------------------------------------

DUE, LATE = "2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
RUNS = [
    {"type": "SCHEDULED", "state_details": {"scheduled_time": DUE}},
    {"type": "PENDING"},
    {"type": "RUNNING"},
    {"type": "COMPLETED", "name": "Done", "message": "ok"},
    {"type": "FAILED"},
    {"type": "PAUSED"},
    {"type": "SCHEDULED", "name": "Late", "state_details": {"scheduled_time": LATE}},
]
TAGS = [["a"], ["a", "b"], [], ["b"], ["c"], ["A"], []]


def tags(*names):
    return [
        {"tags": {"all_": [names[0]]}},
        {"tags": {"all_": list(names)}},
        {"tags": {"all_": []}},
        {"tags": {"is_null_": True}},
        {"tags": {"is_null_": False}},
        {"tags": {"operator": "or_", "all_": [names[0]], "is_null_": True}},
    ]


def named(part, *names):
    return [
        {"name": {"any_": list(names)}},
        {"name": {"any_": []}},
        *({"name": {"like_": text}} for text in (part, part.upper(), "")),
    ]


def within(field):
    return [
        {field: {"before_": "2029-01-01T00:00:00Z"}},
        {field: {"after_": "2025-01-01T00:00:00Z"}},
    ]


STATES = [
    {"state": {"type": {"any_": ["RUNNING", "FAILED"]}}},
    {"state": {"type": {"any_": []}}},
    {"state": {"name": {"any_": ["Done", "Running"]}}},
    {"state": {"operator": "or_", "type": {"any_": ["FAILED"]}, "name": {"any_": ["Done"]}}},
    {"operator": "or_", "name": {"like_": "1"}, "state": {"type": {"any_": ["FAILED"]}}},
]
EMPTY = [{}, {"id": None}, {"operator": "or_"}]
FILTERS = {
    "flows": [
        *EMPTY,
        *named("f-", "none"),
        *tags("a", "b"),
        *({"deployment": {"is_null_": found}} for found in (True, False)),
    ],
    "flow_runs": [
        *EMPTY,
        *STATES,
        *named("run", "run-2", "run-3"),
        *tags("a", "b"),
        *within("start_time"),
        *within("expected_start_time"),
        *within("end_time"),
        *({field: {"is_null_": True}} for field in ("start_time", "end_time")),
        {"id": {"not_any_": ["<run-2>"]}},
        {"deployment_id": {"any_": ["<deployment>"]}},
        {"deployment_id": {"operator": "or_", "any_": ["<deployment>"], "is_null_": True}},
        {"idempotency_key": {"any_": ["key-3"]}},
        {"next_scheduled_start_time": {"before_": "2029-01-01T00:00:00Z"}},
        {"parent_task_run_id": {"is_null_": True}},
    ],
    "task_runs": [
        *EMPTY,
        *STATES,
        *named("task", "task-1"),
        *tags("a", "b"),
        *within("start_time"),
        {"flow_run_id": {"any_": ["<run-2>"]}},
        {"subflow_runs": {"exists_": True}},
        {"subflow_runs": {"exists_": False}},
    ],
    "deployments": [
        *EMPTY,
        *named("dep", "dep"),
        *tags("x", "y"),
        {"paused": {"eq_": False}},
        {"flow_or_deployment_name": {"like_": "DEP"}},
    ],
    "work_pools": [*EMPTY, {"type": {"any_": ["process"]}}, {"type": {"any_": ["none"]}}],
}
LISTED = {
    "flows": ("flows", "flow_runs", "task_runs", "deployments", "work_pools"),
    "flow_runs": ("flows", "flow_runs", "task_runs", "deployments", "work_pools"),
    "task_runs": ("flows", "flow_runs", "task_runs", "deployments"),
    "deployments": ("flows", "flow_runs", "task_runs", "deployments", "work_pools"),
}


def populated(pair, tag):
    """Make some of each noun, with names of their own: Prefect's server is shared."""
    pair.make("flow", "/flows/", {"name": f"f-{tag}", "tags": ["a", "b"], "labels": {"k": "v"}})
    pair.make("other", "/flows/", {"name": f"g-{tag}"})
    pair.make("pool", "/work_pools/", {"name": f"pool-{tag}", "type": "process"})
    placed = {"flow_id": "<flow>", "work_pool_name": f"pool-{tag}", "tags": ["x"]}
    pair.make("deployment", "/deployments/", {"name": "dep", **placed})
    for n, state in enumerate(RUNS):
        body = {"flow_id": "<flow>", "name": f"run-{n}", "tags": TAGS[n], "state": state}
        more = {3: {"idempotency_key": "key-3"}, 4: {"deployment_id": "<deployment>"}}.get(n, {})
        pair.make(f"run-{n}", "/flow_runs/", {**body, **more})
    for n, state in enumerate(RUNS):
        key = {"flow_run_id": "<run-2>", "task_key": "t", "dynamic_key": str(n)}
        body = {"name": f"task-{n}", "tags": TAGS[n], "state": state, **key}
        pair.make(f"task-{n}", "/task_runs/", body)
    below = {"flow_id": "<other>", "name": "below", "parent_task_run_id": "<task-1>"}
    pair.make("below", "/flow_runs/", below)


def asked_for(noun, other, given, own):
    """Return filters on another noun, or more of the noun's own, of what the test has made."""
    if other != noun:
        return {noun: {"id": {"any_": own}}, other: given}
    return {noun: {**given, "id": {"any_": own}, "operator": "and_"}}


def test_filters_find_the_same(pair):
    populated(pair, f"{random.randrange(10**12)}")
    runs = [*(f"<run-{n}>" for n in range(len(RUNS))), "<below>"]
    tasks = [f"<task-{n}>" for n in range(len(RUNS))]
    own = {
        "flows": ["<flow>", "<other>"],
        "flow_runs": runs,
        "task_runs": tasks,
        "deployments": ["<deployment>"],
    }
    for noun, others in LISTED.items():
        for other, given in ((name, each) for name in others for each in FILTERS[name]):
            asked = asked_for(noun, other, given, own[noun])
            counted = pair("POST", f"/{noun}/count", asked)
            assert counted[0] == counted[1], (noun, asked)
            listed = pair("POST", f"/{noun}/filter", asked)
            found = [sorted(one["id"] for one in answer) for _, answer in listed]
            assert found[0] == found[1], (noun, asked)


def test_what_is_made_is_shown_alike(pair):
    apart = OURS | MOMENTS | {"job_variables"}  # theirs says null for {} where there is a key
    populated(pair, f"{random.randrange(10**12)}")
    for place in (
        "/flows/<flow>",
        "/deployments/<deployment>",
        *(f"/flow_runs/<run-{n}>" for n in range(len(RUNS))),
        *(f"/task_runs/<task-{n}>" for n in range(len(RUNS))),
    ):
        (_, theirs), (_, ours) = pair("GET", place)
        assert without(ours, apart) == without(theirs, apart), place


# ---- refusals -----------------------------------------------------------------------------------

REFUSED = [
    ("POST", "/flows/", {}),
    ("POST", "/flows/", {"name": "a/b"}),
    ("POST", "/flows/", {"name": "f", "naem": 1}),
    ("POST", "/flows/", None),
    ("PATCH", "/flows/<flow>", {"naem": 1}),
    ("POST", "/flow_runs/", {"flow_id": "no id"}),
    ("POST", "/flow_runs/", {"flow_id": "<flow>", "state": {"type": "NONE"}}),
    ("POST", "/flow_runs/", {"flow_id": "<flow>", "work_pool_name": "none"}),
    ("PATCH", "/flow_runs/<run-2>", {"naem": 1}),
    ("POST", "/flow_runs/filter", {"sort": "NONE"}),
    ("POST", "/flow_runs/filter", {"limit": 201}),
    ("POST", "/flow_runs/filter", {"flow_runs": {"naem": {}}}),
    ("POST", "/flow_runs/filter", {"flow_runs": {"start_time": {"after_": "soon"}}}),
    ("POST", "/task_runs/", {"task_key": "t"}),
    ("POST", "/variables/", {"name": "Bad Name", "value": 1}),
    ("POST", "/artifacts/", {"key": "Bad Key"}),
    ("POST", "/v2/concurrency_limits/increment", {"slots": 0, "names": ["none"]}),
    ("POST", "/deployments/<deployment>/create_flow_run", None),
    ("POST", "/deployments/", {"name": "d", "flow_id": "<flow>", "work_pool_name": "none"}),
]


def test_refusals_have_the_same_shape(pair):
    populated(pair, f"{random.randrange(10**12)}")
    for method, path, body in REFUSED:
        (status, theirs), (ours_status, ours) = pair(method, path, body)
        assert (ours_status, set(ours) - OURS) == (status, set(theirs)), (method, path, body)
        places = [
            [fault["loc"] for fault in one.get("exception_detail", [])] for one in (theirs, ours)
        ]
        assert places[0] == places[1], (method, path, body)


# ---- states -------------------------------------------------------------------------------------

TYPES = [
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "CRASHED",
    "PAUSED",
    "CANCELLING",
]
NAMES = {
    "SCHEDULED": ["AwaitingRetry", "Late", "Resuming"],
    "PAUSED": ["Suspended"],
    "RUNNING": ["Retrying"],
    "COMPLETED": ["Cached"],
}
SHOWN = ("flow_run_id", "task_run_id", "pause_key", "pause_timeout", "pause_reschedule")
STANDING = ("state_type", "state_name", "start_time", "end_time", "next_scheduled_start_time")


def proposed(chance):
    """Return a state by chance."""
    kind = chance.choice(TYPES)
    state = {"type": kind}
    details = {}
    if kind in NAMES and chance.random() < 0.4:
        state["name"] = chance.choice(NAMES[kind])
    if kind == "SCHEDULED" and chance.random() < 0.6:
        details["scheduled_time"] = chance.choice([DUE, LATE])
    if kind == "PAUSED":
        details = {"pause_key": chance.choice("abcde"), "pause_reschedule": chance.random() < 0.3}
        if chance.random() < 0.4:
            details["pause_timeout"] = chance.choice([DUE, LATE])
    return {**state, **({"state_details": details} if details else {})}


def outcome(answer):
    """Return what has to be the same of an answer to a proposal."""
    status, found = answer
    state = found["state"]
    details = {name: state["state_details"][name] for name in SHOWN}
    return status, found["status"], found["details"]["type"], state["type"], state["name"], details


def is_let_be(state, force, steps):
    """Tell whether ours knowingly answers otherwise.

    No history holds the end of what ended; theirs counts the first try after a pause twice or not.
    """
    has_paused = any(step["state"]["type"] == "PAUSED" for step in steps)
    return (force and state["type"] == "CANCELLING") or (has_paused and state["type"] == "FAILED")


@pytest.mark.parametrize("noun", ["flow_runs", "task_runs"])
def test_walks_by_chance_lead_to_the_same_states(pair, noun):
    seed = int(os.environ.get("LEGATO_TEST_SEED", random.randrange(10**6)))
    chance = random.Random(seed)
    populated(pair, f"{random.randrange(10**12)}")
    for walk in range(WALKS):
        policy = {"retries": chance.choice([0, 1, 2]), "retry_delay": 0}
        body = {"empirical_policy": policy, "state": {"type": "PENDING"}}
        if noun == "flow_runs":
            deployed = {"deployment_id": "<deployment>"} if chance.random() < 0.5 else {}
            body |= {"flow_id": "<flow>", **deployed}
        else:
            body |= {"flow_run_id": "<run-2>", "task_key": "w", "dynamic_key": str(walk)}
        pair.make("walker", f"/{noun}/", body)
        steps = [body]
        for _ in range(6):
            state, force = proposed(chance), chance.random() < 0.15
            if is_let_be(state, force, steps):
                continue
            steps.append({"state": state, "force": force})
            answers = pair("POST", f"/{noun}/<walker>/set_state", steps[-1])
            if answers[0][0] == 500:
                break
            theirs, ours = (outcome(answer) for answer in answers)
            assert theirs == ours, (seed, steps)
            theirs, ours = (found for _, found in pair("GET", f"/{noun}/<walker>"))
            assert [theirs[name] for name in STANDING] == [ours[name] for name in STANDING], (
                seed,
                steps,
            )
