"""Requests that are sent again: after a lost answer, and when the server says so."""

from __future__ import annotations

import pytest

from legato._client.patience import LONGEST_SECONDS, Patience, told
from legato._model.errors import Conflict, ServerAway
from legato._model.variables import VariableCreate
from legato.client.orchestration import get_client

NOON = "2026-01-01T12:00:00Z"


def spent(patience, *, each=0.0, said=0.0):
    """Return the pauses of who fails for ever, each try taking so many seconds."""
    now, pauses = 100.0, []
    while (pause := patience.pause(now, said)) is not None:
        pauses.append(pause)
        now += pause + each
    return pauses


def test_pauses_grow_and_end():
    pauses = spent(Patience(3.0))
    assert pauses == sorted(pauses)
    assert 2.5 < sum(pauses) <= 3.0
    assert spent(Patience(0.0)) == []


def test_a_failure_that_took_long_to_come_is_followed_by_another_try():
    assert len(spent(Patience(3.0), each=15.0)) == 1


def test_a_server_that_says_when_is_waited_for_longer_but_not_for_ever():
    assert spent(Patience(3.0), said=10.0) == [10.0, 10.0, 10.0]
    assert spent(Patience(3.0), said=LONGEST_SECONDS + 1) == []
    assert spent(Patience(0.0), said=1.0) == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("1", 1.0),
        ("0.25", 0.25),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("soon", 0.0),
    ],
)
def test_when_a_server_says_to_come_again(header, seconds):
    assert told(header, 10.0) == seconds


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("fates", [["lost"], ["refused", "lost"], [503 / 10000, "lost", "refused"]])
def test_a_change_whose_answer_was_lost_is_made_once(between, fates):
    with get_client(sync_client=True) as client:
        client.hello()
        between.keys.clear()
        between.fates += fates
        made = client.create_variable(VariableCreate(name="color", value="red"))
        assert client.read_variable_by_name("color").id == made.id
        *keys, read = between.keys
        assert len(keys) == len(fates) + 1
        assert len(set(keys)) == 1
        assert keys[0]
        assert read is None
        with pytest.raises(Conflict):
            client.create_variable(VariableCreate(name="color", value="red"))


@pytest.mark.usefixtures("home")
def test_log_lines_are_stored_once(between):
    with get_client(sync_client=True) as client:
        client.hello()
        between.fates += ["lost"]
        client.create_logs([{"name": "a", "level": 20, "message": "hey", "timestamp": NOON}])
        assert [line.message for line in client.read_logs()] == ["hey"]


@pytest.mark.usefixtures("home")
def test_who_is_never_answered_learns_it(between, monkeypatch):
    monkeypatch.setattr("legato._backend.remote.PATIENCE_SECONDS", 0.2)
    with get_client(sync_client=True) as client:
        client.hello()
        between.fates += ["lost"] * 50
        with pytest.raises(ServerAway, match="connection was lost"):
            client.create_variable(VariableCreate(name="color", value="red"))
        assert 1 < 50 - len(between.fates) < 10
        between.fates.clear()
        assert client.read_variable_by_name("color").value == "red"


@pytest.mark.usefixtures("home")
def test_who_is_told_to_come_much_later_learns_it_at_once(between):
    with get_client(sync_client=True) as client:
        client.hello()
        between.fates += [3600]
        with pytest.raises(ServerAway, match="503"):
            client.create_variable(VariableCreate(name="color", value="red"))
        assert client.read_variable_by_name("color") is None
