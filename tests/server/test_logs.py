"""Log lines: found by their words, and downloaded as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from legato._control import log_download

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def log(api):
    """Store lines of a flow run, a second apart."""

    def store(run_id, *messages):
        lines = [
            {
                "name": "x",
                "level": 20,
                "message": message,
                "timestamp": (START + timedelta(seconds=n)).isoformat(),
                "flow_run_id": run_id,
            }
            for n, message in enumerate(messages)
        ]
        assert api.post("/logs/", json=lines).status_code == 201

    return store


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("row", ["10 Rows", "no rows"]),
        ("row saved", ["10 Rows", "no rows", "saved"]),
        ("row -no", ["10 Rows"]),
        ("+row +no", ["no rows"]),
        ('"no rows"', ["no rows"]),
        ("", ["10 Rows", "no rows", "saved"]),
        ("100%", []),
    ],
)
def test_lines_are_found_by_words(api, run, log, query, found):
    log(run()["id"], "10 Rows", "no rows", "saved")
    lines = api.post("/logs/filter", json={"logs": {"text": {"query": query}}}).json()
    assert [line["message"] for line in lines] == found


def test_a_line_has_the_keys_that_clients_read(api, run, log):
    id_ = run()["id"]
    log(id_, "one")
    (line,) = api.post("/logs/filter", json={}).json()
    assert set(line) == {
        "id", "created", "updated", "name", "level", "message", "timestamp", "flow_run_id",
        "task_run_id",
    }  # fmt: skip
    assert line["updated"] == line["created"]


def test_a_query_has_an_end(api):
    body = {"logs": {"text": {"query": "x" * 201}}}
    assert api.post("/logs/filter", json=body).status_code == 422


def rows(api, run_id):
    answer = api.get(f"/flow_runs/{run_id}/logs/download")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return answer, list(csv.reader(io.StringIO(answer.text, newline="")))


def test_lines_are_downloaded_in_order_and_in_parts(api, run, log, monkeypatch):
    monkeypatch.setattr(log_download, "LINES", 2)
    made = run(name="a\u00e4/b")
    log(made["id"], "first", 'with\n"quotes"', "third", "fourth")
    log(made["id"], "again at the first second")
    log(run()["id"], "of another")
    answer, (head, *lines) = rows(api, made["id"])
    assert head == ["timestamp", "level", "flow_run_id", "task_run_id", "message"]
    assert {lines[0][4], lines[1][4]} == {"first", "again at the first second"}
    assert [line[4] for line in lines[2:]] == ['with\n"quotes"', "third", "fourth"]
    assert lines[0][:4] == ["2026-01-01 00:00:00+00:00", "20", made["id"], ""]
    assert "a%C3%A4%2Fb-logs.csv" in answer.headers["content-disposition"]


def test_without_lines_there_is_a_head(api, run):
    assert len(rows(api, run()["id"])[1]) == 1


def test_what_is_no_download(api, run):
    assert api.get(f"/flow_runs/{uuid4()}/logs/download").status_code == 404
    odd = api.get(f"/flow_runs/{run()['id']}/logs/download", params={"after": "x"})
    assert odd.status_code == 422
