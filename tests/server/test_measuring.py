"""Requests have ids and are counted."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

import pytest

from legato._server import logs
from legato._server.duties import Duty
from legato._server.measuring import Tally, exposition
from legato._server.safety import Access
from tests import faults


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


@pytest.mark.parametrize("path", ["/flows/filter", "/flows/"], ids=["a read", "a write"])
def test_a_failure_is_found_in_the_log_by_the_id_of_its_answer(api, monkeypatch, caplog, path):
    def fail(*_):
        raise RuntimeError("inside")

    monkeypatch.setattr("legato._server.operations.made", fail)
    api.event_hooks = {}  # no route says that it may fail
    answer = api.post(path, json={}, headers={"X-Request-Id": "shop-18"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "shop-18")
    assert f"POST /api{path} failed, request shop-18" in caplog.text
    assert counted(api)['legato_requests_total{method="POST",status="500"}'] == "1"


def test_duties_are_in_the_metrics():
    duty = Duty("pruner", 60, lambda: None)
    duty.tick()
    lines = exposition(Tally(), [duty.status]).splitlines()
    assert "# TYPE legato_duty_ticks_total counter" in lines
    assert 'legato_duty_ticks_total{duty="pruner"} 1' in lines
    assert 'legato_duty_stalled{duty="pruner"} 0' in lines


@pytest.fixture
def requests_told(caplog):
    """The lines of requests as dictionaries."""
    caplog.set_level("INFO", "legato.server.requests")

    def told():
        return [record.fields for record in caplog.records if hasattr(record, "fields")]

    return told


@faults.meaningless("what is sent again is told of again")
def test_each_request_is_told_of_with_operation_status_and_time(api, requests_told):
    api.post("/flows/", json={"name": "etl"})
    api.get("/flows/name/unknown%0Aone")
    api.get("/version")
    first, second, third = requests_told()
    assert first.pop("ms") >= 0
    assert first == {
        "method": "POST",
        "path": "/api/flows/",
        "operation": "flows.create",
        "status": 201,
    }
    assert (second["operation"], second["status"]) == ("flows.read_by_name", 404)
    assert second["path"] == "/api/flows/name/unknown%0Aone"
    assert "operation" not in third


def test_a_request_is_not_told_of_below_the_level_unless_it_fails(api, requests_told, caplog):
    caplog.set_level("WARNING", "legato.server.requests")
    api.get("/version")
    assert requests_told() == []
    logs.answered({"method": "GET", "path": "/", "status": 503, "ms": 1.0})
    assert [fields["status"] for fields in requests_told()] == [503]


def record(message, **more):
    found = logging.makeLogRecord({"name": "legato.server", "levelname": "WARNING", **more})
    found.msg = message
    return found


def test_a_line_of_json_says_all_in_one_line_whatever_it_is():
    try:
        raise ValueError("in\nside")
    except ValueError:
        failed = sys.exc_info()
    token = logs.REQUEST.set("shop-19")
    try:
        line = logs.JsonLines().format(
            record(
                "a\nb\ud800",
                exc_info=failed,
                fields={"ms": 1.5, "when": datetime(2026, 1, 1, tzinfo=UTC)},
            )
        )
    finally:
        logs.REQUEST.reset(token)
    assert "\n" not in line
    said = json.loads(line)
    assert said["message"] == "a\nb\ud800"
    assert said["request_id"] == "shop-19"
    assert (said["level"], said["logger"], said["ms"]) == ("WARNING", "legato.server", 1.5)
    assert said["when"].startswith("2026-01-01")
    assert said["traceback"].endswith("ValueError: in\nside")
    assert datetime.fromisoformat(said["time"]).tzinfo is not None


def test_a_line_of_text_names_the_request():
    token = logs.REQUEST.set("shop-20")
    try:
        line = logs.Lines().format(record("slow"))
    finally:
        logs.REQUEST.reset(token)
    assert line.endswith(" | WARNING | legato.server - slow [shop-20]")
