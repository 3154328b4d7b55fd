"""How `legato server` starts, finds and stops the server of a home."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import msgspec
from msgspec import Struct, structs

from legato._backend import ownership
from legato._backend.ownership import process_exists, process_start
from legato._cli.exits import COMPLETED, FAILED, Failure, Misuse
from legato._cli.output import say
from legato._settings import current as configuration
from legato._settings.home import open_home

if TYPE_CHECKING:
    import socket

    from legato._server.chores import Rules
    from legato._server.duties import Duties, Duty
    from legato._server.lifetime import Lifetime
    from legato._server.serve import Options
    from legato._settings.home import Home
    from legato._store.port import Store

_log = getLogger("legato.server")
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_SWEEP_SECONDS = 5.0
_PRUNE_SECONDS = 60.0
_PULSE = timedelta(seconds=1.8)
"""At the latest: with what a tick takes, who is killed has crashed within two seconds."""


class Asked(Struct, frozen=True, kw_only=True):
    """What `legato server start` was asked for."""

    host: str
    port: int
    base_path: str
    database_url: str | None

    def options(self) -> Options:
        """Return what the server is to do, with what only the settings say."""
        from legato._server.serve import Options

        settings = configuration.current()
        return Options(
            host=self.host,
            port=self.port,
            base_path=self.base_path,
            auth_string=settings.server_api_auth_string,
            api_key=settings.server_api_key,
            hosts=settings.server_allowed_hosts,
        )

    def at(self, port: int) -> Asked:
        """Return the same on another port."""
        return structs.replace(self, port=port)


class Running(Struct, kw_only=True):
    """The server of a home, as the home remembers it."""

    pid: int
    pid_start: int | None
    url: str
    database: str


def asked(
    host: str | None, port: int | None, base_path: str | None, database_url: str | None
) -> Asked:
    """Return what was asked for, the settings in the place of what was not said."""
    settings = configuration.current()
    path = "/" + (base_path or settings.server_api_base_path).strip("/")
    url = database_url or settings.server_database_connection_url
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        raise Misuse(f"--database-url {url!r} is not the address of a PostgreSQL database.")
    return Asked(
        host=host or settings.server_api_host,
        port=port or settings.server_api_port,
        base_path=path,
        database_url=url,
    )


def serve(
    what: Asked, sockets: list[socket.socket] | None = None, lifetime: Lifetime | None = None
) -> None:
    """Serve until a signal comes."""
    from legato._journal.clock import SystemClock
    from legato._server import logs, tracing
    from legato._server import serve as server
    from legato._server.lifetime import Lifetime
    from legato._server.listening import listening

    options, home, life = what.options(), open_home(configuration.current()), lifetime or Lifetime()
    options.access()
    _refuse_second(home)
    settings = configuration.current()
    logs.configure(settings.server_logging_level, settings.server_logging_format)
    tracing.configure()
    taken = sockets or listening(what.host, what.port)
    where = "PostgreSQL" if what.database_url else home.database
    life.when_ready.insert(0, lambda: _tell(home, options, where))
    life.when_ready.append(_set_aside)
    life.last_words.append(lambda: _forget(home))
    store, duties = _opened(what, home)
    try:
        server.serve(store, SystemClock(), options, sockets=taken, duties=duties, lifetime=life)
    finally:
        _forget(home)


def _set_aside() -> None:
    """Keep what stays for ever, modules and routes, out of collections of garbage.

    A full one holds up all requests: for 25 to 40 ms with it, for 5 without (docs/decisions/0027).
    """
    gc.collect()
    gc.freeze()


def announce(line: str) -> None:
    """Tell people something, or the log if programs read what is written."""
    if configuration.current().server_logging_format == "json":
        _log.info("%s", line)
    else:
        say(line)


def _tell(home: Home, options: Options, where: str) -> None:
    _remember(home, options.url, where)
    announce(f"Legato's API is at {options.url}, its database is {where}.")
    announce(f"  export LEGATO_API_URL={options.url}   # for Prefect's clients: PREFECT_API_URL")


def _opened(what: Asked, home: Home) -> tuple[Store, Duties]:
    """Return the store, brought to this version, and the duties on it."""
    from legato._journal.clock import SystemClock
    from legato._server.chores import chores
    from legato._server.duties import Duties, Duty
    from legato._server.leadership import LeaseLeadership

    clock, rules = SystemClock(), _rules()
    if what.database_url is not None:
        from legato._store import migrate
        from legato._store.postgres import PostgresStore

        migrate.migrate_postgres(what.database_url)
        store = PostgresStore(what.database_url)
        led_by = LeaseLeadership(store, clock, uuid4())
        duties = [_leases(store, homeless=True), *chores(store, clock, rules), _pruner(store, home)]
        return store, Duties(duties, led_by)
    from legato._backend.current import embedded
    from legato._backend.hosting import HostLock

    backend = embedded()
    backend.store.read(lambda tx: tx.rows("meta.read", {}))  # one that cannot be used is told now
    sweeper = Duty("reaper", _SWEEP_SECONDS, backend.sweep)
    host = HostLock(Path(home.database))
    duties = [
        sweeper,
        _leases(backend.store),
        *chores(backend.store, clock, rules),
        _pruner(backend.store, home),
    ]
    return backend.store, Duties(duties, host)


def _rules() -> Rules:
    """Return what the settings say about duties."""
    from legato._cli.retaining import kept
    from legato._server.chores import Rules

    seconds = configuration.current().server_late_runs_after_seconds
    return Rules(late_after=timedelta(seconds=seconds), keep=kept())


def _pruner(store: Store, home: Home) -> Duty:
    """Return the duty that removes results that nothing names, with objects in the home."""
    from legato._backend import pruning
    from legato._journal.clock import SystemClock
    from legato._server.duties import Duty

    clock = SystemClock()

    def prune() -> bool:
        _, is_done = pruning.prune(store, home, clock.now())
        return not is_done

    return Duty("results-pruner", _PRUNE_SECONDS, prune, alone=True)


def _leases(store: Store, *, homeless: bool = False) -> Duty:
    """Return the duty that closes what processes held whose leases have run out.

    Slots of processes of a home are ended by its reaper.
    """
    from legato._control.attempt_leases import end_slots, tend
    from legato._journal.clock import SystemClock
    from legato._model.leases import span
    from legato._server.duties import Duty

    clock, ttl = SystemClock(), span(configuration.current().lease_seconds)
    every = min(_PULSE, ttl / 5)

    def look() -> None:
        tend(store, clock.now(), every, ttl)
        if homeless:
            end_slots(store, clock.now())
        ownership.sweep_leased(store, clock.now())

    return Duty("leases", every.total_seconds(), look)


def start_in_background(what: Asked) -> None:
    """Start a server that outlives this command; return when it answers."""
    what.options().access()
    home = open_home(configuration.current())
    _refuse_second(home)
    log = Path(home.root) / "server.log"
    argv = [sys.executable, "-m", "legato", "server", "start", "--host", what.host]
    argv += ["--port", str(what.port), "--base-path", what.base_path]
    environment = dict(os.environ)
    if what.database_url is not None:  # not among the arguments, which others can read
        environment["LEGATO_SERVER_DATABASE_CONNECTION_URL"] = what.database_url
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    end = time.monotonic() + _START_SECONDS
    while not _answers(what.options().url):
        if child.poll() is not None:
            raise Failure(f"The server ended at once; {log} says why.")
        if time.monotonic() > end:
            raise Failure(f"The server does not answer after {_START_SECONDS:g} s; see {log}.")
        time.sleep(_POLL_SECONDS)
    say(f"Legato's API is at {what.options().url}; `legato server stop` ends it.")


def stop() -> None:
    """Stop the server of this home."""
    home = open_home(configuration.current())
    found = _recall(home)
    if found is None:
        raise Failure(f"No server of {home.root} is running.")
    os.kill(found.pid, signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    while _lives(found):
        if time.monotonic() > end:
            raise Failure(
                f"The server (process {found.pid}) has not ended in {_STOP_SECONDS:g} s, which can"
                f" only be if it is stopped or its machine is: `kill -9 {found.pid}` loses nothing"
                " that it has acknowledged."
            )
        time.sleep(_POLL_SECONDS)
    say("The server has ended.")


def status(seconds: float) -> int:
    """Say whether the server answers, after `seconds` at most."""
    home = open_home(configuration.current())
    end = time.monotonic() + seconds
    while True:
        found = _recall(home)
        if found is not None and _answers(found.url):
            say(f"Legato's API is at {found.url}, its database is {found.database}.")
            return COMPLETED
        if time.monotonic() >= end:
            say(f"No server of {home.root} answers.")
            return FAILED
        time.sleep(_POLL_SECONDS)


def _refuse_second(home: Home) -> None:
    found = _recall(home)
    if found is not None:
        raise Failure(
            f"The server of {home.root} is running already, at {found.url} (process {found.pid})."
        )


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - http, our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _record(home: Home) -> Path:
    return Path(home.root) / "server.json"


def _remember(home: Home, url: str, database: str) -> None:
    pid = os.getpid()
    running = Running(pid=pid, pid_start=process_start(pid), url=url, database=database)
    _record(home).write_bytes(msgspec.json.encode(running))


def _forget(home: Home) -> None:
    found = _recall(home)
    if found is not None and found.pid == os.getpid():
        _record(home).unlink(missing_ok=True)


def _recall(home: Home) -> Running | None:
    """Return the server of a home if its process lives."""
    try:
        found = msgspec.json.decode(_record(home).read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if _lives(found) else None


def _lives(found: Running) -> bool:
    """Tell whether the process is there and is not another one of the same number."""
    return process_exists(found.pid) and process_start(found.pid) == found.pid_start
