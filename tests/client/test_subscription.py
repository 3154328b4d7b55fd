"""What is said on a stream, without a connection."""

from __future__ import annotations

import json

import pytest

from legato._client.subscription import Subscription, Told
from legato._model.errors import InvalidRequest, Resync, ServerRefused


def test_who_follows_says_who_he_is_and_what_he_wants():
    stream = Subscription("/logs/out", {"level": {"ge_": 20}}, token="ada:secret")
    assert json.loads(stream.greeting()) == {"type": "auth", "token": "ada:secret"}
    assert json.loads(stream.question()) == {
        "type": "filter",
        "filter": {"level": {"ge_": 20}},
        "cursor": None,
        "backfill": False,
    }


def test_who_comes_back_says_the_newest_cursor_and_recalls_nothing():
    stream = Subscription("/events/out", recalls=True)
    assert json.loads(stream.question())["backfill"] is True
    assert stream.heard('{"type":"auth_success"}') is None
    assert stream.heard('{"type":"event","event":{"id":"a"}}') == Told({"id": "a"}, None)
    assert stream.heard('{"type":"cursor","cursor":"v1.3"}') == Told(None, "v1.3")
    assert stream.heard('{"type":"log","log":{"id":"b"},"cursor":"v1.4"}') == Told(
        {"id": "b"}, "v1.4"
    )
    asked = json.loads(stream.question())
    assert (asked["cursor"], asked["backfill"]) == ("v1.4", False)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"type":[]}', b"\xff", "<html>"])
def test_what_no_server_of_legato_says(text):
    with pytest.raises(ServerRefused, match="/logs/out"):
        Subscription("/logs/out").heard(text)


@pytest.mark.parametrize(
    ("code", "error"), [(1002, InvalidRequest), (1008, ServerRefused), (4410, Resync)]
)
def test_some_ends_are_for_good(code, error):
    with pytest.raises(error, match="because"):
        Subscription("/logs/out").closed(code, "because")


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1011, 1012, 1013, 4408])
def test_after_other_ends_one_connects_again(code):
    Subscription("/logs/out").closed(code, "because")


def test_answers_in_the_place_of_a_stream():
    stream = Subscription("/logs/out")
    for status in (401, 403, 421):
        with pytest.raises(ServerRefused, match="LEGATO_API_KEY"):
            stream.refused(status)
    for status in (301, 404, 426):
        with pytest.raises(ServerRefused, match="no stream"):
            stream.refused(status)
    for status in (200, 408, 429, 500, 502, 503):
        stream.refused(status)
