"""The command line in this process and in others, on homes of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

import msgspec
import pytest

from legato._cli import main
from legato._settings import current as configuration

RECORDED = """
from legato import flow, tags, task

@task
def extract(n):
    return n

@task(tags=["slow"])
def load(n):
    if n < 0:
        raise ValueError("negative")

@flow(flow_run_name="etl-{n}")
def etl(n: int):
    with tags("nightly"):
        load(extract(n))

@flow(flow_run_name="twin", log_prints=True)
def report(title="x"):
    print("line one of", title)
    print("line two")

for n in (1, 2):
    etl(n)
etl(-1, return_state=True)
with tags("a", "b"):
    report()
report("y")
"""


class Outcome(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return msgspec.json.decode(self.out)


def use_home(patch, path):
    patch.setenv("LEGATO_HOME", str(path))
    configuration.forget()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and an empty folder to work in."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    use_home(monkeypatch, tmp_path / "home")
    yield tmp_path / "home"
    configuration.forget()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A home in which another process has recorded five flow runs; read only."""
    path = tmp_path_factory.mktemp("recorded")
    environ = {**os.environ, "LEGATO_HOME": str(path)}
    subprocess.run(
        [sys.executable, "-c", RECORDED], env=environ, check=True, capture_output=True, cwd=path
    )
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, path)
        yield path
    configuration.forget()


@pytest.fixture
def legato(capsys):
    """Run a command in this process."""

    def call(*args):
        capsys.readouterr()
        code = main.run([str(arg) for arg in args])
        return Outcome(code, *capsys.readouterr())

    return call


COMMAND = [sys.executable, "-P", "-c", "from legato._cli.main import main; main()"]


@pytest.fixture
def process(home):
    """Run a command in a process of its own, to its end."""

    def call(*args, **environ):
        done = subprocess.run(
            [*COMMAND, *map(str, args)],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environ},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call
