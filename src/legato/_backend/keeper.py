"""The process that keeps the leases of this one: when it is started, and what it is told.

Short runs have none: their leases last until they end. Where the keeper cannot be started, a
thread of this process renews the leases; a call that holds the interpreter then holds it up, too.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct, json

from legato._client.routes import route_to
from legato._journal import forks
from legato._model.errors import Error
from legato._model.operations.attempts import RenewAttempts
from legato._model.records import (
    Accepted,
    FlowRunMoveProposed,
    FlowRunProposed,
    Rejected,
    TaskRunCreated,
)
from legato._model.states import TERMINAL

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from uuid import UUID

    from legato._model.records import Batch, BatchAnswer, Record
    from legato._model.states import State

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keeper_process.py")
AFTER_SECONDS = 5.0
"""How old a run is before a keeper is started for its process."""
SLACK_SECONDS = 5.0
"""How much later than the process itself its keeper sees to a timeout."""
LAUNCH_SECONDS = 30.0
_SERVERS = (
    "uvicorn.server", "gunicorn.app", "hypercorn", "granian", "daphne", "waitress",
    "werkzeug.serving", "aiohttp.web_runner", "tornado.httpserver", "twisted.internet.reactor",
    "ipykernel", "celery.app",
)  # fmt: skip


class Keeping(Struct, frozen=True, kw_only=True):
    """How leases are kept, in seconds.

    `ttl` is how long one lasts, `every` how often it is renewed, `grace` from SIGTERM to SIGKILL.
    """

    url: str
    headers: Mapping[str, str]
    token: str | None = None
    ttl: float = 15.0
    every: float = 5.0
    grace: float = 30.0

    @property
    def pause(self) -> float:
        """Seconds between renewals; a lease is renewed twice before it runs out."""
        return min(self.every, self.ttl / 3)

    @property
    def after(self) -> float:
        """How old a run is before a keeper is needed."""
        return min(AFTER_SECONDS, self.ttl / 3)

    def configuration(self, writer_id: UUID) -> dict[str, Any]:
        """Return what a keeper is told first."""
        route = route_to(self.url, os.environ)
        proxy = route.proxy
        return {
            "writer": str(writer_id),
            "host": route.host,
            "port": route.port,
            "secure": route.secure,
            "path": route.prefix,
            "root": route.path,
            "token": self.token,
            "headers": {**route.headers, **self.headers},
            "proxy": proxy and {"at": [proxy.host, proxy.port], "headers": dict(proxy.headers)},
            "ttl": self.ttl,
            "every": self.pause,
            "grace": self.grace,
        }


class Kept(Struct):
    """A run of this process: `ends` by the clock of the machine, if it has a timeout."""

    since: float
    kill: bool
    ends: float | None = None
    timeout: float | None = None
    told: bool = False

    def line(self, run_id: UUID) -> dict[str, Any]:
        """Return what a keeper is told of the run."""
        kept = {"kill": self.kill, "ends": self.ends, "timeout": self.timeout}
        return {"begin": str(run_id), **kept}


class Keeper:
    """The keeper of this process; `renew` is how a thread would renew the leases instead."""

    def __init__(
        self,
        keeping: Keeping,
        writer_id: Callable[[], UUID],
        renew: Callable[[RenewAttempts], object],
    ) -> None:
        self._keeping, self._writer_id, self._renew = keeping, writer_id, renew
        self._followed = False
        self.ttl = keeping.ttl
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._runs: dict[UUID, Kept] = {}
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pipe: int | None = None
        self._wakes_at = math.inf
        self._forking = False
        self._is_none = False

    def begin(self, run_id: UUID) -> None:
        """Keep a run that is no subflow."""
        with self._change:
            if run_id not in self._runs:
                self._set(run_id, Kept(time.monotonic(), may_be_killed()))

    def limit(self, run_id: UUID, seconds: float | None) -> None:
        """Have the keeper end a run that is kept after so many seconds from now; None: never."""
        with self._change:
            before = self._runs.get(run_id)
            if before is not None and (seconds is not None or before.ends is not None):
                ends = None if seconds is None else time.monotonic() + seconds + SLACK_SECONDS
                self._set(run_id, Kept(before.since, before.kill, ends, seconds))

    def _set(self, run_id: UUID, kept: Kept) -> None:
        self._runs[run_id] = kept
        if self._thread is None:
            self._start()
        elif self._due(kept) < self._wakes_at:
            self._change.notify()

    def follow(self, batch: Batch, answer: BatchAnswer) -> None:
        """Keep the runs that records of this process have begun, and no more those that ended."""
        for index, given in answer.answers.items():
            record = batch.records[index]
            if type(record) is FlowRunProposed:
                if record.parent is None and record.run.id is not None and type(given) is Accepted:
                    self.begin(record.run.id)
            elif type(record) is FlowRunMoveProposed and isinstance(given, Accepted | Rejected):
                self._moved(record.flow_run_id, given.state)
        for fenced in answer.fenced:
            self.end(fenced.flow_run_id)
        if batch.writer_id not in self._runs and any(map(_is_alone, batch.records)):
            self.begin(batch.writer_id)

    def _moved(self, run_id: UUID, state: State | None) -> None:
        if state is not None and state.type in TERMINAL:
            self.end(run_id)
        elif state is not None:
            self.limit(run_id, None)  # who enters Running says how long that may take

    def end(self, run_id: UUID) -> None:
        """Keep a run no longer."""
        with self._change:
            kept = self._runs.pop(run_id, None)
            if kept is not None and kept.told:
                self._tell({"end": str(run_id)})

    def close(self) -> None:
        """End in good order: nothing that is left is to be closed for this process."""
        with self._change:
            self._thread = None
            self._runs.clear()
            self._change.notify()
            self._tell({"bye": True})
            self._drop()

    def _start(self) -> None:
        if not self._followed:
            self._followed = True
            forks.follow(self)
        self._thread = threading.Thread(target=self._run, name="legato-keeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Tell the keeper of runs that are old enough; start it for the first, or do its work."""
        while True:
            with self._change:
                if self._thread is not threading.current_thread():
                    return  # closed; another one may have begun since
                due = self._wait_for_due()
            if due and self._pipe is None and not self._is_none:
                self._launch()
            with self._change:
                for run_id in due:
                    kept = self._runs.get(run_id)
                    if kept is not None and self._pipe is not None:
                        kept.told = True
                        self._tell(kept.line(run_id))
            if due and self._is_none:
                self._renew_here()

    def _wait_for_due(self) -> list[UUID]:
        """Wait for a while at most; return the runs that the keeper is to be told of."""
        if self._pipe is not None and _is_broken(self._pipe):
            self._lose()
        now = time.monotonic()
        due = [run_id for run_id, kept in self._runs.items() if self._due(kept) <= now]
        if due and not self._is_none:
            return due
        dues = [self._due(kept) for kept in self._runs.values() if not kept.told]
        pause = self._keeping.pause if self._runs and (self._pipe is not None or due) else None
        left = min(dues) - now if dues and not due else None
        waits = [seconds for seconds in (pause, left) if seconds is not None]
        self._wakes_at = now + min(waits) if waits else math.inf
        self._change.wait(min(waits) if waits else None)
        return due

    def _due(self, kept: Kept) -> float:
        return math.inf if kept.told else kept.since + self._keeping.after

    def _launch(self) -> None:
        """Start the keeper, and tell it for whom; wait outside of the lock until it stands."""
        if not hasattr(os, "fork") or not sys.executable:
            self._is_none = True
            return
        argv = [sys.executable, "-I", "-S", PROGRAM, str(os.getpid())]
        try:
            with self._change:  # a child that is forked meanwhile would keep ends of pipes open
                if self._thread is not threading.current_thread():
                    return  # closed
                starter = self._popen(argv)
        except OSError:
            failed = True
        else:
            failed = not _has_started(starter)
        with self._change:
            if failed and self._thread is threading.current_thread():
                self._is_none = True
                self._tell({"bye": True})  # it may only be late
                self._lose()

    def _popen(self, argv: list[str]) -> subprocess.Popen[bytes]:
        import subprocess

        null = subprocess.DEVNULL
        out, self._pipe = os.pipe()
        try:
            starter = subprocess.Popen(argv, stdin=out, stdout=null, stderr=null)
        finally:
            os.close(out)
        self._tell(self._keeping.configuration(self._writer_id()))
        return starter

    def _tell(self, said: Mapping[str, Any]) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, json.encode(said) + b"\n")
        except OSError:
            self._lose()

    def _lose(self) -> None:
        """Somebody has killed the keeper: another one is started for all runs."""
        self._drop()
        for kept in self._runs.values():
            kept.told = False

    def _drop(self) -> None:
        if self._pipe is not None:
            with suppress(OSError):
                os.close(self._pipe)
            self._pipe = None

    def _renew_here(self) -> None:
        request = RenewAttempts(writer_id=self._writer_id(), lease_duration=self._keeping.ttl)
        with suppress(Error):
            self._renew(request)

    def before_fork(self) -> None:
        """Let no thread be in the middle of something."""
        self._change.acquire()
        self._forking = True

    def after_in_parent(self) -> None:
        """Go on."""
        if self._forking:
            self._forking = False
            self._change.release()

    def after_in_child(self) -> None:
        """Close the pipe, which would keep the parent alive; this process has no runs."""
        self._drop()
        self._begin_anew()


def _is_alone(record: Record) -> bool:
    """Tell whether a record begins a task run of no flow run; its writer has a lease for those."""
    return type(record) is TaskRunCreated and record.run.flow_run_id is None


def _has_started(starter: subprocess.Popen[bytes]) -> bool:
    """Wait for the process that starts the keeper; tell whether that stands."""
    from subprocess import TimeoutExpired

    try:
        return starter.wait(LAUNCH_SECONDS) == 0
    except TimeoutExpired:
        starter.kill()
        starter.wait()
        return False


def _is_broken(pipe: int) -> bool:
    """Tell whether nobody reads what is written into a pipe."""
    import select

    look = select.poll()
    look.register(pipe, 0)
    return bool(look.poll(0))


def may_be_killed() -> bool:
    """Tell whether this process is a program that runs flows and nothing else.

    One that serves requests, a notebook or a prompt goes on when a run of it is cancelled.
    """
    if hasattr(sys, "ps1") or sys.flags.interactive or sys.flags.inspect:
        return False
    return not any(name in sys.modules for name in _SERVERS)
