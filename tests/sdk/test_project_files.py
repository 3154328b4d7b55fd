"""Which files are the user's, and what they were when they were imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from legato import Flow, flow
from legato._sdk import project_files

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

HERE = "test_project_files.py"


@flow
def example() -> None:
    pass


def files(of: Flow[[], None] = example) -> dict[str, str]:
    found = project_files.of(of)
    assert found is not None
    return found


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of the user that was just imported."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "of_the_user.py").write_text("ONE = 1")
    yield importlib.import_module("of_the_user")
    del sys.modules["of_the_user"]
    project_files.forget()


def test_the_users_modules_count_and_no_others(module: ModuleType) -> None:
    found = files()
    assert HERE in found
    assert any(name.endswith("of_the_user.py") for name in found)
    names = " ".join(found)
    assert not {"msgspec", "_sdk", "pathlib", "site-packages"} & set(names.split("/"))


def test_an_edit_counts_when_it_is_loaded(module: ModuleType, tmp_path: Path) -> None:
    before = files()
    (tmp_path / "of_the_user.py").write_text("ONE = 22")
    assert files() is before
    importlib.reload(module)
    differing = {name for name, now in files().items() if before[name] != now}
    assert {name.rpartition("/")[2] for name in differing} == {"of_the_user.py"}


def test_a_huge_project_is_looked_at_in_part(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_files, "MOST_FILES", 1)
    project_files.forget()
    assert len(files()) == 1


def test_what_changed_is_named_and_what_is_gone_too(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text("1")
    (tmp_path / "other.py").write_text("1")
    before = {name: project_files.hash_of(str(tmp_path / name)) for name in ("same.py", "other.py")}
    (tmp_path / "other.py").write_text("2")
    found = project_files.changed({**before, "gone.py": "0123"}, str(tmp_path))
    assert found == ["gone.py", "other.py"]
