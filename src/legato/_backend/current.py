"""The backend of this process: one for each home and server, opened at its first use."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec

from legato._backend import ownership
from legato._backend.embedded import EmbeddedBackend
from legato._backend.process import ProcessBackend, is_pool_child
from legato._journal import forks
from legato._journal.clock import SystemClock
from legato._journal.outage import waiting
from legato._settings import current as configuration
from legato._settings.home import Home, open_home

if TYPE_CHECKING:
    from collections.abc import Callable

    from legato._model.ports import Clock
    from legato._settings.table import Settings

P = ParamSpec("P")
RETIRE_SECONDS = 10.0
NOT_RECORDED = 3  # exit status of a process that could not record all

_backends: dict[tuple[str, str | None], ProcessBackend] = {}
_clock: Clock | None = None
_lock = threading.Lock()
_last: tuple[Settings, ProcessBackend] | None = None


def current() -> ProcessBackend:
    """Return the backend of the home, or of the server, that the settings name here."""
    global _last  # noqa: PLW0603 - a cache for the usual case
    settings = configuration.current()
    last = _last
    if last is not None and last[0] is settings:
        return last[1]
    with _lock:
        home, url = open_home(settings), settings.api_url
        backend = _backends.get((home.root, url)) or _opened(home, settings, url)
        _last = settings, backend
    return backend


def ready() -> ProcessBackend | None:
    """Return the backend if it is open already; None: to open it may take a while."""
    last = _last
    return last[1] if last is not None and last[0] is configuration.current() else None


def embedded() -> EmbeddedBackend:
    """Return the backend on the database of the home, also where the settings name a server."""
    settings = configuration.current()
    with _lock:
        home = open_home(settings)
        found = _backends.get((home.root, None)) or _opened(home, settings, None)
    assert isinstance(found, EmbeddedBackend)  # noqa: S101 - what is kept under no address
    return found


def use_clock(clock: Clock | None) -> None:
    """Stamp runs by `clock` from now on, those of open homes too; None: by that of the machine."""
    global _clock  # noqa: PLW0603 - for the homes that are opened later
    with _lock:
        _clock = clock
        for backend in _all():
            backend.clock = clock or SystemClock()


def retire(root: str) -> None:
    """Close a home for good, if it is open here: its folder may be removed then."""
    global _last  # noqa: PLW0603 - it may be this home
    with _lock:
        found = [_backends.pop(key) for key in tuple(_backends) if key[0] == root]
        _last = None
    for backend in {id(backend): backend for backend in found}.values():
        backend.retire(RETIRE_SECONDS)


def _all() -> list[ProcessBackend]:
    """Return each backend once."""
    return list({id(backend): backend for backend in _backends.values()}.values())


def unrecorded() -> int:
    """Return how many records of this process are neither in the database nor in the spool."""
    return sum(backend.journal.unrecorded for backend in _all())


def finish(timeout: float | None = None) -> int:
    """Commit what is left within `timeout` seconds, by default those of the settings.

    Returns how many records are neither in the database nor in the spool.
    """
    if timeout is None:
        timeout = configuration.current().spool_exit_seconds
    end = time.monotonic() + timeout
    for backend in _all():
        backend.close(max(0.1, end - time.monotonic()))
    return unrecorded()


def conclude() -> int:
    """Finish ahead of the exit and say what is not stored; return how many records are lost."""
    atexit.unregister(_at_exit)
    lost = finish()
    _say(lost)
    return lost


def _opened(home: Home, settings: Settings, url: str | None) -> ProcessBackend:
    _look_after_the_process()
    backend = None if url is None else _remote(home, settings, url)
    backend = backend or _backends.get((home.root, None)) or EmbeddedBackend(home, _clock)
    for key in {url, None} if isinstance(backend, EmbeddedBackend) else {url}:
        _backends[home.root, key] = backend
    if is_pool_child():
        backend.flush_at_end_of_pool_child()
    return backend


def _remote(home: Home, settings: Settings, url: str) -> ProcessBackend | None:
    from legato._backend import remote

    return remote.opened(home, url, settings, _clock)


@cache
def _look_after_the_process() -> None:
    """See that what is recorded is stored at forks, at the exit and before os.exec*; once."""
    forks.follow(_Around())
    atexit.register(_at_exit)
    system: Any = os
    system.execv, system.execve = _flushing(os.execv), _flushing(os.execve)


def _flushing(execute: Callable[P, NoReturn]) -> Callable[P, NoReturn]:
    """Return what flushes first: os.exec*, which all come down to two, run no exit handlers.

    An audit hook would see them, too. But it would be called at each `id(...)` in the process:
    copy.deepcopy takes 1.7 times as long then.
    """

    @wraps(execute)
    def flush_and_execute(*args: P.args, **kwargs: P.kwargs) -> NoReturn:
        for backend in _all():
            backend.journal.flush()
        execute(*args, **kwargs)

    if execute in os.supports_fd:
        os.supports_fd.add(flush_and_execute)
    return flush_and_execute


class _Around:
    """What happens to all backends around a fork; meanwhile nobody opens one or forks too."""

    def before_fork(self) -> None:
        _lock.acquire()
        for backend in _all():
            backend.before_fork()

    def after_in_parent(self) -> None:
        try:
            for backend in _all():
                backend.after_in_parent()
        finally:
            _lock.release()

    def after_in_child(self) -> None:
        global _lock  # noqa: PLW0603 - another thread may have held it
        _lock = threading.Lock()
        ownership.forget()
        for backend in _all():
            backend.after_in_child()


def _at_exit() -> None:
    lost = finish()
    failed = getattr(sys, "last_type", None) is not None  # the script ended by an exception
    _say(0 if failed else lost)
    if not lost or failed:
        return
    if "logging" in sys.modules:
        sys.modules["logging"].shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # atexit has no other way to say it; handlers that were registered before ours do not run
    os._exit(NOT_RECORDED)


def _say(lost: int) -> None:
    for backend in _all():
        count, path = backend.journal.spooled
        if count and not backend.journal.abandoned:
            sys.stderr.write(f"legato: {waiting(count, path)}\n")
    if lost:
        sys.stderr.write(f"legato: {lost} records could not be stored.\n")
