"""A process with a keeper, and its run, which the test's process records for it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace
from tests.chaos.processes import end
from tests.store.records import Sender, until
from tests.store.test_receive import read_flow_run

from legato._backend import keeper as keepers
from legato._store import attempt_leases

ACTOR = Path(__file__).with_name("keeper_actor.py")


class Actor:
    """A process with a keeper, and its run, which this process records for it."""

    def __init__(self, store, url, mode, root, ttl=60.0):
        self.store = store
        self.sender = Sender(store)
        self.sender.writer = replace(self.sender.writer, lease_seconds=ttl)
        self.run_id = self.sender.start()
        argv = [
            sys.executable,
            str(ACTOR),
            url,
            str(self.sender.writer.id),
            str(self.run_id),
            mode,
            str(ttl),
        ]
        pipe = subprocess.PIPE
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
        self.process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=env)
        self.first = self.hear()

    def hear(self):
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, word):
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    @property
    def state(self):
        return read_flow_run(self.store, self.run_id).state

    def ends_in(self, kind):
        until(lambda: self.state.type is kind)

    @property
    def until(self):
        leases = self.store.read(
            lambda tx: attempt_leases.list_of_writer(tx, self.sender.writer.id)
        )
        return leases[0][0].expires_at

    def is_renewed(self):
        """Wait until the keeper has renewed the lease: it stands, and sees what the run does."""
        if self.keeper is None:
            until(lambda: self.keeper is not None)
        before = self.until
        until(lambda: self.until != before)

    @property
    def keeper(self):
        """The number of the keeper's process; None: there is none."""
        return keeper_of(self.process.pid)

    def over(self):
        end(self.process)


def keeper_of(pid):
    """The number of the process that keeps another one; None: there is none."""
    wanted = [keepers.PROGRAM, str(pid)]
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if (entry / "cmdline").read_text().split("\0")[-3:-1] == wanted:
                return int(entry.name)
    return None


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
