"""The home: made on demand, private, and replaced where it cannot be used."""

import os
import stat
import subprocess
import sys
import tempfile

import pytest

from legato._model.errors import SettingsError
from legato._settings import home as home_module
from legato._settings.current import current, temporary
from legato._settings.home import open_home


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def temp(tmp_path, monkeypatch):
    """Another folder for temporary files."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def test_a_home_is_made_when_it_is_opened_and_its_folders_when_they_are_used(tmp_path):
    root = tmp_path / "home"
    opened = open_home(current())
    assert opened.root == str(root)
    assert os.listdir(root) == []
    assert opened.database == str(root / "legato.db")
    assert opened.profiles == str(root / "profiles.toml")
    for folder in (opened.storage(), opened.spool(), opened.owners()):
        assert mode(folder) == 0o700
    assert sorted(os.listdir(root)) == ["owners", "spool", "storage"]
    assert mode(str(root)) == 0o700


def test_a_home_that_is_there_keeps_its_permissions(home):
    home.chmod(0o750)
    open_home(current())
    assert mode(str(home)) == 0o750


def test_results_may_be_stored_elsewhere(tmp_path):
    with temporary({"RESULTS_LOCAL_STORAGE_PATH": tmp_path / "results"}) as settings:
        assert open_home(settings).storage() == str(tmp_path / "results")


def test_a_home_that_cannot_be_made_is_replaced_with_one_warning(tmp_path, temp, capsys):
    (tmp_path / "home").write_text("a file")
    first, second = open_home(current()), open_home(current())
    assert first == second
    assert first.root == str(temp / f"legato-{os.getuid()}")
    assert mode(first.root) == 0o700
    [line] = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "home") in line
    assert first.root in line
    assert "LEGATO_HOME" in line


def test_a_home_that_cannot_be_written_is_replaced(home, temp, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _: path != str(home))
    assert open_home(current()).root.startswith(str(temp))
    assert "it cannot be written" in capsys.readouterr().err


def test_a_user_without_a_home_directory_gets_a_temporary_one(monkeypatch, temp, project, capsys):
    monkeypatch.delenv("LEGATO_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert open_home(current()).root.startswith(str(temp))
    assert "no home directory" in capsys.readouterr().err
    assert os.listdir(project) == []


@pytest.mark.parametrize("trap", ["link", "open", "foreign"])
def test_a_temporary_home_that_another_user_may_have_laid_is_not_used(
    tmp_path, temp, trap, monkeypatch
):
    (tmp_path / "home").write_text("a file")
    laid = temp / f"legato-{os.getuid()}"
    if trap == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        laid.symlink_to(tmp_path / "theirs")
    else:
        laid.mkdir(mode=0o700)
    if trap == "open":
        laid.chmod(0o777)
    if trap == "foreign":
        monkeypatch.setattr(home_module, "_user", lambda: str(os.getuid()))
        monkeypatch.setattr(os, "getuid", lambda: 4711)
    root = open_home(current()).root
    assert root != str(laid)
    assert root.startswith(str(temp))
    assert mode(root) == 0o700


def test_without_any_folder_there_is_an_error_that_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "home" / "nowhere"))
    with pytest.raises(SettingsError, match="set LEGATO_HOME"):
        open_home(current())


def test_reading_settings_loads_none_of_the_slow_modules():
    """What is not imported costs nothing at the start of every script."""
    code = (
        "import sys, legato; before = set(sys.modules)\n"
        "from legato._settings import current, home\n"
        "home.open_home(current.current())\n"
        "after = {name for name in set(sys.modules) - before if '.' not in name}\n"
        "print(*sorted(after & set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = {"dataclasses", "difflib", "json", "logging", "pathlib", "tempfile", "tomllib"}
    loaded = set(done.stdout.split())
    assert not loaded & unwanted, loaded
