"""What is installed is told once for each writer, with its first flow run."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import msgspec

from legato import flow
from legato._sdk import environment

if TYPE_CHECKING:
    from pathlib import Path


def test_names_and_versions_are_those_of_the_packages_metadata():
    found = environment.found()
    for name in ("msgspec", "pytest", "sqlalchemy"):
        assert found.packages[name] == importlib.metadata.version(name)
    assert environment.found().id == found.id


def test_the_first_on_the_path_counts_and_what_is_no_folder_does_not(tmp_path: Path):
    for folder, name in (("a", "My_Lib-1.0.dist-info"), ("b", "my_lib-2.0.dist-info")):
        (tmp_path / folder / name).mkdir(parents=True)
    (tmp_path / "c.zip").write_bytes(b"")
    path = [str(tmp_path / name) for name in ("c.zip", "a", "b", "missing")]
    assert environment.packages(path) == {"my-lib": "1.0"}


def test_each_writer_tells_it_once(rows):
    @flow
    def inner() -> None:
        pass

    @flow
    def outer() -> None:
        inner()

    outer()
    outer()
    ((body,),) = rows("SELECT body FROM environment")
    assert msgspec.json.decode(body, type=environment.Environment) == environment.found()
    assert rows("SELECT count(*) FROM writer WHERE environment_id IS NOT NULL") == [(1,)]
