"""What a review found: descriptors of a full disk, and onlookers that fail."""

from __future__ import annotations

import errno
import os

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
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            platform_posix.hold(tmp_path / "owner", "x")
    assert len(os.listdir("/proc/self/fd")) == before


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
