"""What a review found: descriptors of a full disk, and onlookers that fail."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.backend.recording import Recording

from legato._backend import platform_posix
from legato._backend.embedded import EmbeddedBackend
from legato._settings.current import current as settings
from legato._settings.home import open_home


def test_an_owner_file_that_cannot_be_written_leaves_no_descriptor(tmp_path, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(platform_posix.os, "write", full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            platform_posix.hold(tmp_path / "owner", "x")
    opened = {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
    assert [path for path in opened if path.startswith(str(tmp_path))] == []


def test_an_onlooker_that_fails_is_no_failure_of_the_store(home, capsys):
    backend = EmbeddedBackend(open_home(settings()))

    def fail(batch):
        raise BrokenPipeError

    backend.on_commit = fail
    run = Recording(backend)
    run.task("t-1")
    run.end()
    assert (backend.journal.failure, backend.journal.unrecorded) == (None, 0)
    assert capsys.readouterr().err == ""
    backend.close(5)


REPLACES_ITSELF = """
import os, sys
from legato import task

@task
def step(n):
    return n

for n in range(6):
    step(n)
given = sys.executable, [sys.executable, "-c", "pass"], os.environ
replace = getattr(os, sys.argv[1])
replace(*given) if sys.argv[1].endswith("e") else replace(*given[:2])
"""


@pytest.mark.parametrize("name", ["execv", "execvpe"])
def test_nothing_is_lost_by_a_process_that_replaces_itself(tmp_path, name):
    environment = {**os.environ, "LEGATO_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", REPLACES_ITSELF, name], env=environment, check=True)
    connection = sqlite3.connect(tmp_path / "legato.db")
    try:
        found = connection.execute("select count(*), min(state_type) from task_run").fetchone()
    finally:
        connection.close()
    assert found == (6, "COMPLETED")


AUDITED = """
import os, sys
hooks = []
sys.addaudithook = hooks.append
from legato import task

task(lambda: None)()
assert not hooks, hooks
assert os.execve in os.supports_fd
"""


def test_no_audit_hook_slows_the_users_code_down(tmp_path):
    environment = {**os.environ, "LEGATO_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", AUDITED], env=environment, check=True)
