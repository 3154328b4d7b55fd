"""Writing to profiles.toml: what people wrote there stays."""

import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._model.errors import SettingsError
from legato._settings import toml_text
from legato._settings.current import current
from legato._settings.profiles import unset, write
from legato._settings.view import explain

WRITTEN = """\
# my profiles
active = "work"  # the usual one

[profiles.home]
LEGATO_DEBUG = true

[ profiles."work" ]
# the server of the team
api_url = "http://127.0.0.1:4200/api" # old
PREFECT_LOGGING_LEVEL = "INFO"

# the end
"""


def test_the_first_value_makes_the_file_readable_by_its_owner_only(home):
    place = write("logging-level", "debug")
    path = home / "profiles.toml"
    assert (place.profile, place.path) == ("default", str(path))
    assert path.read_text() == '[profiles.default]\nLEGATO_LOGGING_LEVEL = "DEBUG"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert current().logging_level == "DEBUG"


def test_a_value_is_replaced_in_place_and_the_rest_stays(home):
    path = home / "profiles.toml"
    path.write_text(WRITTEN)
    write("API_URL", "https://example.test/api/")
    write("TASKS_DEFAULT_RETRY_DELAY_SECONDS", "1,2")
    write("LOGGING_LEVEL", "ERROR")
    assert path.read_text() == WRITTEN.replace(
        'api_url = "http://127.0.0.1:4200/api" # old\nPREFECT_LOGGING_LEVEL = "INFO"\n',
        'LEGATO_API_URL = "https://example.test/api"\nLEGATO_LOGGING_LEVEL = "ERROR"\n',
    ).replace("# the end\n", "# the end\nLEGATO_TASKS_DEFAULT_RETRY_DELAY_SECONDS = [1.0, 2.0]\n")
    assert current().tasks_default_retry_delay_seconds == [1.0, 2.0]


def test_a_value_is_taken_out_and_what_is_not_there_stays_away(home):
    path = home / "profiles.toml"
    path.write_text(WRITTEN)
    unset("DEBUG")
    assert path.read_text() == WRITTEN
    unset("LEGATO_API_URL")
    assert "api_url" not in path.read_text()
    assert "# the server of the team" in path.read_text()
    assert current().api_url is None


def test_a_profile_that_is_asked_for_is_made(home, monkeypatch):
    (home / "profiles.toml").write_text(WRITTEN)
    monkeypatch.setenv("LEGATO_PROFILE", "on the road")
    write("DEBUG", "1")
    assert (current().profile, current().debug) == ("on the road", True)


def test_a_bad_value_can_be_mended(home, monkeypatch):
    (home / "profiles.toml").write_text('[profiles.default]\nLEGATO_DEBUG = "perhaps"\n')
    with pytest.raises(SettingsError):
        current()
    write("DEBUG", "true")
    assert current().debug is True


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DEBUG", "perhaps", "allowed: true or false"),
        ("LOGING_LEVEL", "INFO", "did you mean LOGGING_LEVEL"),
        ("HOME", "/x", "use the environment variable LEGATO_HOME"),
        ("API_KEY", "", "unset it instead"),
        ("API_KEY", None, "unset it instead"),
    ],
)
def test_what_is_refused_changes_nothing(home, name, value, message):
    with pytest.raises(SettingsError, match=message):
        write(name, value)
    assert not (home / "profiles.toml").exists()


def test_a_file_that_is_no_toml_is_left_alone(home):
    path = home / "profiles.toml"
    path.write_text("[profiles")
    with pytest.raises(SettingsError, match=r"profiles\.toml cannot be changed"):
        write("DEBUG", True)
    assert path.read_text() == "[profiles"
    assert [item.name for item in home.iterdir()] == ["profiles.toml"]


ODD = [
    'profiles = { default = { LEGATO_DEBUG = true, x = [1, {y = "z"}] }, other = {} }\n',
    "[profiles]\ndefault.LEGATO_DEBUG = true\n",
    '[profiles.default]\nx = """\nLEGATO_DEBUG = 3\n[profiles.default]\n"""\nLEGATO_DEBUG = true\n',
    "[profiles.default]\nx = [\n[1],\n]\nLEGATO_DEBUG = true\nwhen = 2020-01-01\n",
    "[profiles.default.deeper]\nx = 1\n",
    "",
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("value", [False, None])
def test_files_written_in_odd_ways_still_say_the_same(text, value):
    expected = tomllib.loads(text)
    edited = toml_text.edit(text, "default", {"LEGATO_DEBUG"}, "LEGATO_DEBUG", value)
    profile = expected.setdefault("profiles", {}).setdefault("default", {})
    profile.pop("LEGATO_DEBUG", None)
    if value is not None:
        profile["LEGATO_DEBUG"] = value
    found = tomllib.loads(edited)
    found.setdefault("profiles", {}).setdefault("default", {})
    assert found == expected


toml_values = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("aA-_9 \"'.\x7f"), inner)),
    max_leaves=5,
)


@given(toml_values)
def test_what_is_emitted_is_read_back(value):
    assert tomllib.loads(f"x = {toml_text.emit(value)}")["x"] == value


lines = st.sampled_from(
    ["", "# note", "[profiles.a]", "[profiles.b]", "KEY = 1", "other = 'x'", "key = true", "[tool]"]
)


@given(st.lists(lines, max_size=12), st.sampled_from(["a", "b", "c"]), st.sampled_from([None, 7]))
def test_an_edit_says_just_what_was_asked_for(written, profile, value):
    text = "\n".join(written)
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    edited = toml_text.edit(text, profile, {"KEY"}, "KEY", value)
    table = expected.setdefault("profiles", {}).setdefault(profile, {})
    for key in ("KEY", "key"):
        table.pop(key, None)
    if value is not None:
        table["KEY"] = value
    found = tomllib.loads(edited)
    found.setdefault("profiles", {}).setdefault(profile, {})
    assert found == expected
    assert edited.count("# note") == text.count("# note")


def test_the_view_names_sources_and_hides_secrets(home, monkeypatch, project):
    (home / "profiles.toml").write_text('[profiles.default]\nLEGATO_API_KEY = "hush"\n')
    monkeypatch.setenv("PREFECT_API_URL", "http://me:hush@127.0.0.1:4200/api")
    monkeypatch.setenv("LEGATO_DEBUG", "perhaps")
    (project / "legato.toml").write_text("tasks.default_retry_delay_seconds = [1, 2]")
    shown = {name: (value, source) for name, value, source in explain()}
    assert shown["API_KEY"] == ("********", "LEGATO_API_KEY in the profile 'default'")
    assert shown["API_URL"] == (
        "http://me:********@127.0.0.1:4200/api",
        "PREFECT_API_URL in the environment",
    )
    assert shown["DEBUG"] == (
        "perhaps",
        "LEGATO_DEBUG in the environment; bad, allowed: true or false",
    )
    assert shown["TASKS_DEFAULT_RETRY_DELAY_SECONDS"][0] == "1.0, 2.0"
    assert shown["LOGGING_LEVEL"] == ("INFO", "default")
    assert shown["TASKS_DEFAULT_PERSIST_RESULT"] == ("", "default")
