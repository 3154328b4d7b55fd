"""Settings: shown with their sources, written into the profile, taken out."""

import tomllib

import pytest


def test_view_shows_where_values_come_from(home, legato, monkeypatch):
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "debug")
    rows = {row["name"]: row for row in legato("config", "view", "-o", "json").json}
    assert rows["LOGGING_LEVEL"]["value"] == "DEBUG"
    assert "PREFECT_LOGGING_LEVEL" in rows["LOGGING_LEVEL"]["source"]
    assert rows["DEBUG"] == {"name": "DEBUG", "value": "false", "source": "default"}
    assert str(home) in legato("config", "view").out


def test_view_shows_bad_values_instead_of_failing(home, legato, monkeypatch):
    monkeypatch.setenv("LEGATO_LOGGING_LEVEL", "loud")
    found = legato("config", "view")
    assert found.code == 0
    assert "bad, allowed: one of DEBUG" in found.out
    found = legato("flow-run", "ls")
    assert (found.code, found.out) == (2, "")
    assert "LOGGING_LEVEL cannot be 'loud'" in found.err


def test_set_and_unset(home, legato):
    found = legato("config", "set", "logging_level=debug", "LEGATO_DEBUG=true")
    assert (found.code, found.out) == (0, "")
    assert found.err.count("in the profile 'default'") == 2
    profile = tomllib.loads((home / "profiles.toml").read_text())["profiles"]["default"]
    assert profile == {"LEGATO_LOGGING_LEVEL": "DEBUG", "LEGATO_DEBUG": True}
    assert legato("config", "unset", "debug").code == 0
    profile = tomllib.loads((home / "profiles.toml").read_text())["profiles"]["default"]
    assert profile == {"LEGATO_LOGGING_LEVEL": "DEBUG"}


def test_set_says_what_stands_above_it(home, legato, monkeypatch):
    monkeypatch.setenv("LEGATO_DEBUG", "0")
    found = legato("config", "set", "DEBUG=1")
    assert "Note: LEGATO_DEBUG in the environment holds instead." in found.err
    assert "Note" not in legato("config", "set", "LOGGING_LEVEL=INFO").err


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["set", "LOGING_LEVEL=DEBUG"], "did you mean LOGGING_LEVEL?"),
        (["set", "LOGGING_LEVEL=loud"], "allowed: one of DEBUG"),
        (["set", "DEBUG=1", "LOGGING_LEVEL=loud"], "allowed: one of DEBUG"),
        (["set", "LOGGING_LEVEL"], "is not NAME=VALUE"),
        (["set", "HOME=/x"], "environment variable LEGATO_HOME"),
        (["unset", "nothing"], "There is no setting nothing"),
    ],
)
def test_what_cannot_be_set_changes_nothing(home, legato, args, hint):
    found = legato("config", *args)
    assert (found.code, found.out) == (2, "")
    assert hint in found.err
    assert not (home / "profiles.toml").exists()
