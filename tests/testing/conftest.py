"""Tests of the test tools: a user's home that must stay empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from legato._backend import current as backends
from legato._settings import current as configuration
from tests.testing.projects import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sentinel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the home that the settings name outside of harnesses."""
    home = tmp_path / "sentinel"
    monkeypatch.setenv("LEGATO_HOME", str(home))
    configuration.forget()
    yield home
    backends.retire(str(home))
    configuration.forget()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project of a user, without tests so far."""
    return Project(tmp_path)
