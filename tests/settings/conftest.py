"""A place to read settings from: an empty folder, an empty home, no variables."""

import os
from pathlib import Path

import pytest

from legato._settings import current, notices


@pytest.fixture(autouse=True)
def _nothing_said_before(monkeypatch, tmp_path):
    for key in list(os.environ):
        if key.startswith(("LEGATO_", "PREFECT_")):
            monkeypatch.delenv(key)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(notices, "_given", set())
    current.forget()
    yield
    current.forget()


@pytest.fixture
def home(tmp_path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def project(tmp_path) -> Path:
    return tmp_path / "project"
