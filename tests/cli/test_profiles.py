"""Profiles: made, chosen, renamed, deleted, around what people wrote."""

import tomllib

import pytest

WRITTEN = """\
# mine
active = "team"  # the usual one

[profiles.team]
api_url = "http://ada:secret@legato.example:4200/api"  # ours
api_key = "s3cret"

[profiles."at home"]
LEGATO_DEBUG = true
"""


@pytest.fixture
def file(home):
    home.mkdir(exist_ok=True)
    path = home / "profiles.toml"
    path.write_text(WRITTEN)
    return path


def test_profiles_are_listed_with_where_they_record(file, legato):
    rows = {row["name"]: row for row in legato("profile", "ls", "-o", "json").json}
    assert [name for name in rows if rows[name]["active"]] == ["team"]
    assert set(rows) == {"default", "team", "at home"}
    shown = legato("profile", "ls").out
    assert "legato.example:4200/api" in shown
    assert "the home" in shown
    assert "secret" not in shown


def test_a_profile_is_shown_without_its_secrets(file, legato):
    found = legato("profile", "inspect", "-o", "json").json
    assert set(found) == {"API_URL", "API_KEY"}
    assert "cret" not in str(found)
    assert "DEBUG" in legato("profile", "inspect", "at home").out
    assert "says nothing" in legato("profile", "inspect", "default").err


def test_a_profile_is_made_used_and_left(home, legato):
    assert legato("profile", "create", "team").code == 0
    assert legato("profile", "use", "team").code == 0
    assert legato("config", "set", "API_URL=http://127.0.0.1:9/api").code == 0
    assert legato("profile", "inspect", "-o", "json").json == {"API_URL": "http://127.0.0.1:9/api"}
    assert legato("profile", "create", "copy", "--from", "team").code == 0
    assert legato("profile", "use", "default").code == 0
    assert legato("profile", "delete", "team").code == 0
    rows = legato("profile", "ls", "-o", "json").json
    assert [(row["name"], row["active"], row["api_url"]) for row in rows] == [
        ("copy", False, "http://127.0.0.1:9/api"),
        ("default", True, None),
    ]


def test_what_people_wrote_stays(file, legato):
    assert legato("profile", "use", "at home").code == 0
    assert file.read_text() == WRITTEN.replace(
        'active = "team"  # the usual one', 'active = "at home"'
    )
    assert legato("profile", "rename", "at home", "home").code == 0
    assert legato("profile", "delete", "team").code == 0
    left = '# mine\nactive = "home"\n\n[profiles.home]\nLEGATO_DEBUG = true\n'
    assert file.read_text() == left


def test_a_file_that_is_written_otherwise_keeps_what_it_says(file, legato):
    file.write_text('profiles = { a = { DEBUG = true }, b = {} }\n"active" = "a"\n')
    assert legato("profile", "rename", "a", "c").code == 0
    assert legato("profile", "create", "d", "--from", "c").code == 0
    assert legato("profile", "delete", "b").code == 0
    assert tomllib.loads(file.read_text()) == {
        "active": "c",
        "profiles": {"c": {"DEBUG": True}, "d": {"DEBUG": True}},
    }


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["use", "taem"], "did you mean team?"),
        (["inspect", "nobody"], "legato profile ls"),
        (["create", "team"], "already"),
        (["create", "new", "--from", "nobody"], "There is no profile 'nobody'"),
        (["create", " "], "no name for a profile"),
        (["delete", "team"], "legato profile use"),
        (["delete", "default"], "always there"),
        (["rename", "default", "x"], "always there"),
        (["rename", "team", "at home"], "already"),
    ],
)
def test_what_cannot_be_done_changes_nothing(file, legato, args, hint):
    found = legato("profile", *args)
    assert (found.code, found.out) == (2, "")
    assert hint in found.err
    assert file.read_text() == WRITTEN


def test_one_command_has_another_profile(file, legato):
    def debug(*args):
        rows = {row["name"]: row for row in legato(*args, "config", "view", "-o", "json").json}
        return rows["DEBUG"]["value"]

    assert debug("--profile", "at home") == "true"
    assert debug() == "false"
    found = legato("--profile", "nobody", "flow-run", "ls")
    assert found.code == 2
    assert "There is no profile 'nobody'" in found.err


def test_a_variable_stands_above_the_active_profile(file, legato, monkeypatch):
    monkeypatch.setenv("LEGATO_PROFILE", "at home")
    found = legato("profile", "use", "default")
    assert found.code == 0
    assert "Note: here LEGATO_PROFILE in the environment holds instead." in found.err
