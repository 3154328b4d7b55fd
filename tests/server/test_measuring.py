"""Requests have ids and are counted."""

from __future__ import annotations

import re

import pytest

from legato._server.duties import Duty
from legato._server.measuring import Tally, exposition
from legato._server.safety import Access


def counted(api):
    lines = api.get("/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_a_request_has_the_id_that_its_client_gave_it(api):
    answer = api.get("/version", headers={"X-Request-Id": "shop-17.a"})
    assert answer.headers["X-Request-Id"] == "shop-17.a"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 65, "a\tb", "{}"])
def test_an_id_that_cannot_stand_in_a_log_is_replaced(api, bad):
    answer = api.get("/version", headers={"X-Request-Id": bad})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])


def test_answers_are_counted_by_method_and_status_also_those_of_refusals(serve):
    with serve(Access(auth_string="a:b"), auth=("a", "b")) as api:
        api.get("/version")
        api.get("/version", auth=("a", "wrong"))
        api.request("PURGE", "/version")
        found = counted(api)
    assert found['legato_requests_total{method="GET",status="200"}'] == "1"
    assert found['legato_requests_total{method="GET",status="401"}'] == "1"
    assert found['legato_requests_total{method="other",status="405"}'] == "1"
    assert found["legato_requests_in_progress"] == "1"
    assert float(found['legato_request_seconds_total{method="GET"}']) > 0


def test_a_failure_is_found_in_the_log_by_the_id_of_its_answer(api, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("inside")

    monkeypatch.setattr("legato._server.operations.made", fail)
    api.event_hooks = {}  # no route says that it may fail
    answer = api.post("/flows/filter", json={}, headers={"X-Request-Id": "shop-18"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "shop-18")
    assert "POST /api/flows/filter failed, request shop-18" in caplog.text
    assert counted(api)['legato_requests_total{method="POST",status="500"}'] == "1"


def test_duties_are_in_the_metrics():
    duty = Duty("pruner", 60, lambda: None)
    duty.tick()
    lines = exposition(Tally(), [duty.status]).splitlines()
    assert "# TYPE legato_duty_ticks_total counter" in lines
    assert 'legato_duty_ticks_total{duty="pruner"} 1' in lines
    assert 'legato_duty_stalled{duty="pruner"} 0' in lines
