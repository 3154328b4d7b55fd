from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.processes import end

from legato._backend.embedded import EmbeddedBackend
from legato._settings import current as configuration
from legato._settings.home import open_home

PREAMBLE = """
import os, sys, threading
from legato._backend.current import current
from tests.backend.recording import Recording
def say(word):
    os.write(1, (word + "\\n").encode())
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of this test's own, also for the processes that it starts."""
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path))
    configuration.forget()
    yield tmp_path
    configuration.forget()


@pytest.fixture
def backend(home):
    """A backend of that home."""
    backend = EmbeddedBackend(open_home(configuration.current()))
    yield backend
    backend.close(5)


@pytest.fixture
def still(monkeypatch):
    """Let nobody drain the buffer on his own."""
    monkeypatch.setattr("legato._journal.scribe.WINDOW_SECONDS", 60.0)


@pytest.fixture
def script(home):
    """Start Python code in a process; all are killed at the end."""
    started = []

    def start(code, *args):
        # what PYTHONPATH named comes last, the root of the repository first
        path = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        end(process)
