from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.chaos.processes import ACTORS, Actor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that no process has seen."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Actor]]:
    """Start one of the scripts in `actors` at the home; all are killed at the end."""
    started: list[Actor] = []

    def begin(name: str, *args: object, **env: str | None) -> Actor:
        started.append(Actor(home, ACTORS / f"{name}.py", *args, **env))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()
