"""Batches of Legato's own processes, sent to a server on both stores."""

from __future__ import annotations

import gzip
import zlib

import msgspec
import pytest

from legato._model import parcels
from legato._model.packing import packed
from legato._model.parcels import MAX_BYTES, MEDIA_TYPE, Parcel
from legato._model.records import Aborted, Accepted, Skipped
from tests.store.records import COMPLETED, RUNNING, flow_run, line, move, new_writer, whole_task


@pytest.fixture
def post(api):
    """Send records of a writer; returns the response."""

    def send(writer, first, *records, raw=()):
        bodies = [*map(packed, records), *raw]
        found = parcels.wrapped(Parcel(writer=writer, first_seq=first, records=bodies))
        headers = {"content-type": MEDIA_TYPE}
        if found.encoding:
            headers["content-encoding"] = found.encoding
        return api.post("/journal", content=found.body, headers=headers)

    return send


def answer(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    return parcels.answer_in(response.content)


def whole_run(**more):
    proposal = flow_run(**more)
    run_id = proposal.run.id
    task, records = whole_task(run_id)
    return run_id, task, [proposal, move(run_id, RUNNING), *records, move(run_id, COMPLETED)]


def test_a_run_is_recorded_and_shown(api, post):
    run_id, task, records = whole_run(name="brave-wolf")
    lines = [line(f"line {n}", run_id) for n in range(300)]  # enough to be compressed
    found = answer(post(new_writer(), 1, *records, *lines))
    assert found.last_seq == len(records) + 300
    assert [type(each) for each in found.answers.values()] == [Accepted] * 3
    run = api.get(f"/flow_runs/{run_id}").json()
    assert (run["name"], run["state"]["type"]) == ("brave-wolf", "COMPLETED")
    assert api.get(f"/task_runs/{task.id}").json()["state"]["type"] == "COMPLETED"
    assert len(api.post("/logs/filter", json={"limit": 200}).json()) == 200


def test_what_is_sent_again_has_no_effect_and_the_same_answer(api, post):
    writer = new_writer()
    run_id, task, records = whole_run()
    first, second = answer(post(writer, 1, *records)), answer(post(writer, 1, *records))
    assert first.last_seq == second.last_seq
    states = api.get("/flow_run_states/", params={"flow_run_id": str(run_id)}).json()
    assert [state["type"] for state in states] == ["PENDING", "RUNNING", "COMPLETED"]
    states = api.get("/task_run_states/", params={"task_run_id": str(task.id)}).json()
    assert len(states) == 3


def test_a_hole_is_refused_with_the_number_that_is_expected(post):
    writer = new_writer()
    answer(post(writer, 1, Skipped(), Skipped()))
    refused = post(writer, 4, Skipped())
    assert refused.status_code == 409
    assert (refused.json()["code"], refused.json()["expected_seq"]) == ("hole", 3)
    assert answer(post(writer, 3, Skipped(), Skipped())).last_seq == 4


def test_a_record_that_cannot_be_read_takes_no_other_along(api, post, store):
    writer = new_writer()
    run_id, _, records = whole_run()
    unknown = msgspec.msgpack.encode({"type": "of_the_future", "epoch": 1})
    deep = b"\x91" * 100_000 + b"\x90"
    proposal, started, *rest = records
    found = answer(post(writer, 1, proposal, started, raw=[unknown, deep, b"", b"\xc1"]))
    assert found.quarantined == 4
    answer(post(writer, 7, *rest))
    assert api.get(f"/flow_runs/{run_id}").json()["state"]["type"] == "COMPLETED"
    kept = store.read(lambda tx: tx.rows("quarantine.count", params(writer, 1, 6)))
    assert kept == [(4,)]


def params(writer, first, last):
    return {"writer_id": writer.id, "first": first, "last": last}


def test_an_older_attempt_is_fenced_and_the_rest_of_the_batch_stands(api, post):
    run_id, _, records = whole_run()
    answer(post(new_writer(), 1, *records))
    other_id, _, others = whole_run()
    late = move(run_id, RUNNING)
    found = answer(post(new_writer(), 1, late, *others))
    assert found.answers[0] == Aborted("Attempt 1 is closed.")
    assert api.get(f"/flow_runs/{other_id}").json()["state"]["type"] == "COMPLETED"


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [
        (b"", None, "no parcel"),
        (b"{}", None, "no parcel"),
        (b"\x91" * 100_000, None, "no parcel"),
        (b"no gzip", "gzip", "not gzip"),
        (gzip.compress(b"{}", mtime=0)[:-4], "gzip", "in the middle"),
        (gzip.compress(b"\0" * (MAX_BYTES + 1), mtime=0), "gzip", "longer than"),
        (gzip.compress(b"\0" * 9, mtime=0)[:-4] + b"\1\0\0\0", "gzip", "longer than it says"),
        (b"{}", "br", "gzip is known"),
    ],
    ids=["empty", "json", "deep", "no gzip", "cut", "long", "lie", "encoding"],
)
def test_what_is_no_parcel_is_refused(api, body, encoding, says):
    headers = {} if encoding is None else {"content-encoding": encoding}
    refused = api.post("/journal", content=body, headers=headers)
    assert refused.status_code == 422
    assert says in refused.json()["detail"]


@pytest.mark.parametrize("first", [0, -1, 2**63, 2**63 - 1, 2**64 - 1])
def test_numbers_that_no_record_can_have_are_refused(post, first):
    assert post(new_writer(), first, Skipped(), Skipped()).status_code in (409, 422)


def test_a_bomb_is_not_unfolded(api):
    bomb = zlib.compress(b"\0" * 256 * 1024 * 1024, 9, 31)
    refused = api.post("/journal", content=bomb, headers={"content-encoding": "gzip"})
    assert refused.status_code == 422
