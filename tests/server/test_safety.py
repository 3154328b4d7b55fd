"""What is refused before anything else looks at it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from legato._model.errors import SettingsError
from legato._server.connections import HEAD_MAX_BYTES
from legato._server.room import BODY_MAX_BYTES
from legato._server.safety import Access
from legato._server.serve import Options


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "localhost:evil.example", ""],
)
def test_a_foreign_host_name_is_refused(api, host):
    assert api.get("/health", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost:5173", 200),
        ("http://127.0.0.1:4200", 200),
        ("http://localhost:80@evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("file://localhost", 403),
        ("", 403),
    ],
)
def test_pages_of_other_sites_are_refused(api, origin, status):
    assert api.post("/flows/filter", headers={"origin": origin}).status_code == status


def test_who_does_not_say_who_he_is_gets_nothing_but_health(serve):
    access = Access(auth_string="admin:secret", api_key="key-1")
    with serve(access) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        for path in ("/version", "/flows/filter", "/no/such", "/csrf-token"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()) == (
                401,
                {"exception_message": "Unauthorized"},
            )
        assert client.get("/version", auth=("admin", "wrong")).status_code == 401
        assert client.get("/version", auth=("admin", "secret")).status_code == 200
        bearer = {"authorization": "Bearer key-1"}
        assert client.get("/version", headers=bearer).status_code == 200
        assert client.get("/version", headers={"authorization": "Bearer key"}).status_code == 401


def test_a_body_has_a_limit_said_or_not(api):
    too_long = b" " * (BODY_MAX_BYTES + 1)
    assert api.post("/flows/", content=too_long).status_code == 413
    pieces = iter([too_long[: BODY_MAX_BYTES // 2]] * 3)
    assert api.post("/flows/", content=pieces).status_code == 413
    assert api.get("/health").json() is True


def test_answers_carry_what_keeps_browsers_safe(api):
    headers = api.get("/health").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/health", {}),
        ("/admin/version", {}),
        ("/flows/nothing", {}),
        ("/nothing", {}),
        ("/health", {"x-long": "x" * HEAD_MAX_BYTES}),
    ],
    ids=["as text", "as JSON", "no id", "no page", "too long"],
)
def test_answers_say_when_they_were_given(api, path, headers):
    before = datetime.now(UTC).replace(microsecond=0)
    given = parsedate_to_datetime(api.get(path, headers=headers).headers["date"])
    assert before <= given <= datetime.now(UTC)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_a_server_that_others_reach_must_ask_who_they_are(host):
    with pytest.raises(SettingsError, match="LEGATO_SERVER_API_AUTH_STRING"):
        Options(host=host).access()
    assert Options(host=host, auth_string="a:b").access().asks
    assert not Options(host="127.0.0.1").access().asks
