"""Where settings come from, which source wins, and how a fault is told."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._model.errors import SettingsError
from legato._settings.current import current, forget, temporary
from legato._settings.reading import find, read
from legato._settings.table import (
    API_KEY,
    LOGGING_LEVEL,
    TASKS_DEFAULT_RETRIES,
    TASKS_DEFAULT_RETRY_DELAY_SECONDS,
)


def test_without_sources_the_defaults_hold(monkeypatch):
    monkeypatch.delenv("LEGATO_HOME")
    settings = current()
    assert settings.home == os.path.expanduser("~/.legato")
    assert (settings.profile, settings.api_url, settings.logging_level) == ("default", None, "INFO")
    assert settings.offline == "allow"


def write_source(source: str, retries: int, project: Path, home: Path) -> None:
    if source in {"LEGATO", "PREFECT"}:
        os.environ[f"{source}_TASKS_DEFAULT_RETRIES"] = str(retries)
    elif source == ".env":
        (project / ".env").write_text(f"LEGATO_TASKS_DEFAULT_RETRIES={retries}\n")
    elif source == "legato.toml":
        (project / "legato.toml").write_text(f"[tasks.default]\nretries = {retries}\n")
    elif source == "pyproject.toml":
        text = f"[tool.legato]\ntasks_default_retries = {retries}\n"
        (project / "pyproject.toml").write_text(text)
    else:
        text = f'active = "x"\n[profiles.x]\nLEGATO_TASKS_DEFAULT_RETRIES = {retries}\n'
        (home / "profiles.toml").write_text(text)


SOURCES = ["LEGATO", "PREFECT", ".env", "legato.toml", "pyproject.toml", "profile"]


def test_the_strongest_source_wins_whichever_there_are(project, home, monkeypatch):
    monkeypatch.setenv("LEGATO_TASKS_DEFAULT_RETRIES", "")  # so that it is restored
    monkeypatch.setenv("PREFECT_TASKS_DEFAULT_RETRIES", "")

    @given(st.sets(st.sampled_from(SOURCES)))
    def whichever(chosen):
        for name in ("LEGATO", "PREFECT"):
            os.environ.pop(f"{name}_TASKS_DEFAULT_RETRIES", None)
        for path in (*project.iterdir(), *home.iterdir()):
            path.unlink()
        for rank, source in enumerate(SOURCES, start=1):
            if source in chosen:
                write_source(source, rank, project, home)
        expected = min((SOURCES.index(source) + 1 for source in chosen), default=0)
        assert read().tasks_default_retries == expected

    whichever()


def test_they_are_read_once(monkeypatch):
    assert current().debug is False
    monkeypatch.setenv("LEGATO_DEBUG", "1")
    assert current().debug is False
    forget()
    assert current().debug is True


def test_an_empty_variable_says_nothing(monkeypatch, project):
    monkeypatch.setenv("LEGATO_LOGGING_LEVEL", "")
    (project / "legato.toml").write_text('logging.level = "ERROR"')
    assert current().logging_level == "ERROR"


def test_dotenv_as_people_write_it(project):
    (project / ".env").write_text(
        "# a comment\n"
        "export LEGATO_API_KEY='a b # c'\n"
        'LEGATO_API_AUTH_STRING="user:pass" # the user\n'
        "LEGATO_DEBUG = yes  # why not\n"
        "OTHER=x\n"
        "no equals sign\n",
        newline="\r\n",
    )
    settings = current()
    assert settings.api_key == "a b # c"
    assert settings.api_auth_string == "user:pass"
    assert settings.debug is True


def test_dotenv_may_be_a_folder_or_no_text_at_all(project):
    (project / ".env").mkdir()
    assert current().debug is False
    (project / ".env").rmdir()
    (project / ".env").write_bytes(b"\xff\xfe\x00LEGATO_DEBUG=1\n")
    forget()
    assert current().debug is False


def test_a_list_of_delays_from_every_kind_of_source(project, monkeypatch):
    (project / "legato.toml").write_text("TASKS_DEFAULT_RETRY_DELAY_SECONDS = [1, 2.5]")
    assert current().tasks_default_retry_delay_seconds == [1.0, 2.5]
    monkeypatch.setenv("LEGATO_TASKS_DEFAULT_RETRY_DELAY_SECONDS", "3, 4")
    forget()
    assert TASKS_DEFAULT_RETRY_DELAY_SECONDS.value() == [3.0, 4.0]


def test_a_bad_value_is_told_with_name_value_source_and_what_is_allowed(monkeypatch):
    monkeypatch.setenv("LEGATO_LOGGING_LEVEL", "LOUD")
    with pytest.raises(SettingsError) as caught:
        current()
    assert str(caught.value) == (
        "The setting LOGGING_LEVEL cannot be 'LOUD' (LEGATO_LOGGING_LEVEL in the environment); "
        "allowed: one of DEBUG, INFO, WARNING, ERROR, CRITICAL."
    )


def test_all_faults_are_told_at_once(monkeypatch, project):
    monkeypatch.setenv("PREFECT_TASKS_DEFAULT_RETRIES", "many")
    (project / "legato.toml").write_text("debug = 3\n[flows]\ndefault_retries = -1\n")
    (project / "pyproject.toml").write_text("[tool.legato\n")
    with pytest.raises(SettingsError) as caught:
        current()
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "pyproject.toml cannot be read" in lines[0]
    assert "3 (DEBUG in legato.toml)" in lines[1]
    assert "-1 (FLOWS_DEFAULT_RETRIES in legato.toml)" in lines[2]
    assert "'many' (PREFECT_TASKS_DEFAULT_RETRIES in the environment)" in lines[3]


def test_a_bad_secret_is_not_shown(project):
    (project / "legato.toml").write_text("api_key = 12345678")
    with pytest.raises(SettingsError, match=r"API_KEY cannot be \*\*\*\*\*\*\*\* "):
        current()


def test_a_pyproject_of_others_is_not_even_parsed(project):
    (project / "pyproject.toml").write_text("[tool.other]\nthis is not TOML")
    assert current().debug is False


@pytest.mark.parametrize(
    "text",
    ["tool = 1  # tool.legato", "[tool]\nlegato = 1  # tool.legato", "[tool.legato]\nhome = 1"],
)
def test_an_odd_pyproject_breaks_nothing_but_the_reading(project, monkeypatch, text):
    monkeypatch.delenv("LEGATO_HOME")
    (project / "pyproject.toml").write_text(text)
    if text == "tool = 1  # tool.legato":
        assert current().debug is False
    else:
        with pytest.raises(SettingsError, match=r"\[tool.legato\] of pyproject.toml|HOME"):
            current()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles = 3", "`profiles` is not a table"),
        ("[profiles]\ndefault = 3", "The profile 'default' is not a table"),
        ('active = "gone"\n[profiles.here]\n', "no profile 'gone' .*; there are: default, here"),
        ("active = []\n", "no profile"),
        ("active = [", "cannot be read"),
    ],
)
def test_profiles_that_make_no_sense(home, text, message):
    (home / "profiles.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        current()


def test_the_profile_is_chosen_by_its_variable_before_the_active_one(home, monkeypatch):
    (home / "profiles.toml").write_text(
        'active = "a"\n[profiles.a]\nLEGATO_DEBUG = false\n'
        '[profiles."b c"]\nPREFECT_DEBUG_MODE = true\n'
    )
    assert (current().profile, current().debug) == ("a", False)
    monkeypatch.setenv("LEGATO_PROFILE", "b c")
    forget()
    assert (current().profile, current().debug) == ("b c", True)


def test_a_profile_cannot_move_the_home(home, capsys):
    (home / "profiles.toml").write_text('[profiles.default]\nLEGATO_HOME = "/elsewhere"\n')
    assert current().home == str(home)
    assert "LEGATO_HOME in the profile 'default' is not a setting" in capsys.readouterr().err


def test_an_unknown_name_is_warned_about_once_with_the_nearest_one(monkeypatch, project, capsys):
    monkeypatch.setenv("LEGATO_LOGING_LEVEL", "DEBUG")
    monkeypatch.setenv("PREFECT_SERVER_API_HOST", "ignored")
    monkeypatch.setenv("LEGATO__RUN", "our own")
    monkeypatch.setenv("LEGATO_TEST_X", "the tests' own")
    (project / "legato.toml").write_text("colour = 1\n")
    current()
    forget()
    current()
    assert capsys.readouterr().err == (
        "legato: warning: LEGATO_LOGING_LEVEL in the environment is not a setting; "
        "did you mean LEGATO_LOGGING_LEVEL?\n"
        "legato: warning: COLOUR in legato.toml is not a setting.\n"
    )


def test_prefects_names_are_taken_with_no_more_than_a_debug_line(monkeypatch, capsys, caplog):
    monkeypatch.setenv("PREFECT_DEBUG_MODE", "true")
    monkeypatch.setenv("PREFECT_LOCAL_STORAGE_PATH", "/old")
    monkeypatch.setenv("PREFECT_RESULTS_LOCAL_STORAGE_PATH", "/new")
    monkeypatch.setenv("PREFECT_HOME", "/prefect")
    with caplog.at_level(logging.DEBUG, "legato.settings"):
        settings = current()
    assert settings.debug is True
    assert settings.results_local_storage_path == "/new"
    assert settings.home != "/prefect"
    assert capsys.readouterr().err == ""
    assert "PREFECT_DEBUG_MODE in the environment" in caplog.text


@pytest.mark.parametrize(
    "name", ["LOGGING_LEVEL", "legato_logging_level", "PREFECT_LOGGING_LEVEL", "logging.level"]
)
def test_a_setting_is_found_by_every_spelling(name):
    assert find(name) is LOGGING_LEVEL
    assert find(LOGGING_LEVEL) is LOGGING_LEVEL


def test_a_setting_that_is_not_there_is_not_found():
    with pytest.raises(SettingsError, match="no setting loging_level; did you mean LOGGING_LEVEL"):
        find("loging_level")


def test_temporary_settings_hold_within_their_block_and_nest():
    with temporary({LOGGING_LEVEL: "debug", "TASKS_DEFAULT_RETRIES": 3}) as outer:
        assert current() is outer
        with temporary({"LEGATO_TASKS_DEFAULT_RETRIES": "4"}, restore=[LOGGING_LEVEL]):
            assert (LOGGING_LEVEL.value(), TASKS_DEFAULT_RETRIES.value()) == ("INFO", 4)
        assert (LOGGING_LEVEL.value(), TASKS_DEFAULT_RETRIES.value()) == ("DEBUG", 3)
    assert (LOGGING_LEVEL.value(), TASKS_DEFAULT_RETRIES.value()) == ("INFO", 0)


def test_a_bad_temporary_value_is_refused_and_leaves_nothing_behind():
    with pytest.raises(SettingsError, match=r"\(temporary settings\)"), temporary({"DEBUG": "so"}):
        raise AssertionError
    with pytest.raises(SettingsError, match="LOGGING_LEVEL"), temporary({LOGGING_LEVEL: None}):
        raise AssertionError
    assert current().debug is False


def test_secrets_are_not_in_the_repr():
    with temporary({API_KEY: "hush"}) as settings:
        assert "hush" not in repr(settings)
        assert "api_key=********" in repr(settings)
        assert "api_auth_string=None" in repr(settings)
