"""A home that is thrown away at the end of a block."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from legato._backend import current as backends
from legato._settings import current as configuration
from legato._settings.reading import read
from legato._settings.table import (
    API_AUTH_STRING,
    API_KEY,
    API_URL,
    HOME,
    PREFIX,
    PROFILE,
    RESULTS_DEFAULT_STORAGE,
    RESULTS_LOCAL_STORAGE_PATH,
    Settings,
)
from legato.testing._clock import VirtualClock, virtual_clock

_OUTSIDE = (
    HOME,
    PROFILE,
    API_URL,
    API_KEY,
    API_AUTH_STRING,
    RESULTS_DEFAULT_STORAGE,
    RESULTS_LOCAL_STORAGE_PATH,
)


class Harness:
    """What a test has of its own: the home, and the virtual clock if it asked for one."""

    def __init__(self, home: Path, clock: VirtualClock | None) -> None:
        self.home = home
        self.clock = clock

    def __repr__(self) -> str:
        return f"<harness at {str(self.home)!r}>"


@contextmanager
def harness(
    *, clock: Literal["real", "virtual"] = "real", server_startup_timeout: object = None
) -> Generator[Harness, None, None]:
    """Record what runs in the block into a temporary home, which is removed at its end.

    No server is started, and nothing outside of that home is read or written: also by other
    threads and child processes, for it holds for the whole process. Blocks nest.
    `server_startup_timeout` is accepted for code that comes from Prefect. Raises ValueError for a
    clock that does not exist.

    >>> from legato import flow, get_client
    >>> from legato.testing import harness
    >>> @flow
    ... def hello() -> str:
    ...     return "hello"
    >>> with harness(clock="virtual") as test:
    ...     hello()
    ...     len(get_client(sync_client=True).read_flow_runs())
    'hello'
    1
    >>> test.home.exists()
    False
    """
    if clock not in ("real", "virtual"):
        raise ValueError(f"clock must be 'real' or 'virtual', not {clock!r}.")
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        times = stack.enter_context(virtual_clock()) if clock == "virtual" else None
        yield Harness(home, times)


prefect_test_harness = harness


@contextmanager
def temporary_home() -> Generator[Path, None, None]:
    """Let a new temporary folder be the home of this process within the block."""
    root = tempfile.mkdtemp(prefix="legato-test-")
    try:
        with _environment(root), configuration.everywhere(_settings(root)):
            yield Path(root)
    finally:
        backends.retire(root)
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _environment(root: str) -> Generator[None, None, None]:
    """Let the environment, which child processes inherit, name that home and no server."""
    names = [name for row in _OUTSIDE for name in (PREFIX + row.name, *row.aliases)]
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    os.environ[PREFIX + HOME.name] = root
    os.environ[PREFIX + PROFILE.name] = PROFILE.default
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


def _settings(root: str) -> Settings:
    """Return what holds there: what is set for this place, but nothing that leads outside."""
    return replace(
        configuration.overlay() or read(),
        home=root,
        profile=PROFILE.default,
        api_url=None,
        api_key=None,
        api_auth_string=None,
        results_local_storage_path=None,
    )
