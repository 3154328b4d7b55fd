"""Results that are uploaded in parts, over the API."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256

import pytest

from legato._control import results
from legato._model.records import ResultKept
from legato._model.results import PART_BYTES, UPLOADED, Result
from legato._store.sql import Sql
from tests.store.records import Sender, new_id, now

PARTS = [b"a" * PART_BYTES, b"b" * 10]


class Upload:
    """A result on its way."""

    def __init__(self, api):
        self._api, self.result_id, self.id = api, new_id(), new_id()

    def put(self, number, body, digest=None):
        given = {"upload_id": str(self.id), "body": b64encode(body).decode(),
                 "sha256": b64encode(digest or sha256(body).digest()).decode()}  # fmt: skip
        return self._api.put(f"/results/{self.result_id}/parts/{number}", json=given)

    def read(self, number):
        where = f"/results/{self.result_id}/parts/{number}"
        return self._api.get(where, params={"upload_id": str(self.id)})

    def record(self, sender, flow_run_id):
        whole = b"".join(PARTS)
        row = Result(
            id=self.result_id, flow_run_id=flow_run_id, serializer="json", size=len(whole),
            sha256=sha256(whole).digest(), created_at=now(), location=f"{UPLOADED}{self.id.hex}",
        )  # fmt: skip
        sender.send(ResultKept(1, row))


@pytest.fixture
def upload(api):
    found = Upload(api)
    for number, body in enumerate(PARTS):
        assert found.put(number, body).status_code == 204
    return found


def parts(store):
    return store.read(lambda tx: tx.select(Sql("SELECT number FROM result_part")))


def test_a_part_is_kept_once(upload):
    assert upload.put(1, PARTS[1]).status_code == 204
    answers = [upload.read(number) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert [answer.json() for answer in answers[:2]] == [b64encode(one).decode() for one in PARTS]


def test_what_is_no_part_is_refused(api, store):
    upload = Upload(api)
    for answer, word in (
        (upload.put(0, b"a", bytes(32)), "send the part again"),
        (upload.put(0, b""), "1 to 2097152 bytes, not 0"),
        (upload.put(0, bytes(PART_BYTES + 1)), "not 2097153"),
        (upload.put(128, b"a"), "0 to 127"),
        (upload.put(-1, b"a"), "not -1"),
    ):
        assert answer.status_code == 422
        assert word in answer.text
    assert parts(store) == []


def test_parts_go_with_the_run_that_made_them(api, store, upload):
    sender = Sender(store)
    run_id = sender.start()
    upload.record(sender, run_id)
    assert api.delete(f"/flow_runs/{run_id}").status_code == 204
    assert parts(store) == []


def test_parts_that_are_never_recorded_go_after_a_day(api, store, upload):
    late = Upload(api)
    late.put(0, b"x")
    sender = Sender(store)
    upload.record(sender, sender.start())
    assert store.run(lambda tx: results.drop_parts(tx, now())) == 0
    tomorrow = now() + timedelta(days=1, minutes=1)
    assert store.run(lambda tx: results.drop_parts(tx, tomorrow)) == 1
    assert len(parts(store)) == 2
    assert late.read(0).status_code == 404


def test_shared_results_are_pruned_with_their_parts(api, store, upload):
    sender = Sender(store)
    sender.start()
    upload.record(sender, None)
    hide = f"UPDATE result SET expires_at = 0 WHERE location LIKE '{UPLOADED}%'"
    store.run(lambda tx: tx.execute(Sql(hide)))
    pruned = store.run(lambda tx: results.prune(tx, now()))
    assert (pruned.gone, pruned.objects) == (1, [])
    assert parts(store) == []
