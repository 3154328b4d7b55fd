"""The pytest plugin: what tests record goes into a home that is thrown away.

It is loaded at every start of pytest, so nothing else of Legato is imported before it is used.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from legato.testing import VirtualClock

HOME = "LEGATO_HOME"
ROOT = "LEGATO__PYTEST_ROOT"
PROFILES = ("LEGATO_PROFILE", "PREFECT_PROFILE")
MAIN = "main"
CLOCKS = ("real", "virtual")

_homes = pytest.StashKey["_Homes"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting for the clock."""
    text = "the clock of flows and tasks in all tests: real, or virtual to wait for nothing"
    group = parser.getgroup("legato", "flows and tasks of Legato")
    group.addoption("--legato-clock", choices=CLOCKS, default=None, help=text)
    parser.addini("legato_clock", text, default="real")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Name the home before a conftest runs a flow."""
    early_config.stash[_homes] = _Homes()


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark, and check the clock that is asked for."""
    if _homes not in config.stash:  # a conftest names this plugin
        config.stash[_homes] = _Homes()
    config.addinivalue_line(
        "markers",
        "legato_clock(kind): the clock of flows and tasks in this test, 'real' or 'virtual'",
    )
    _checked(config.getini("legato_clock"), "legato_clock in the configuration of pytest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse marks that name no clock before any test runs."""
    for item in items:
        _marked(item)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the home."""
    homes = config.stash.get(_homes, None)
    if homes is not None:
        homes.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test and its fixtures by the clock that they ask for."""
    with _clock_of(item):
        return (yield)


@pytest.fixture
def legato_home() -> Generator[Path, None, None]:
    """Record into a new home for this test only; the folder is removed at its end."""
    from legato.testing import harness

    with harness() as test:
        yield test.home


@pytest.fixture
def legato_clock() -> Generator[VirtualClock, None, None]:
    """Time the runs of this test by a virtual clock."""
    from legato.testing import virtual_clock

    with virtual_clock() as clock:
        yield clock


def _marked(item: pytest.Item) -> object:
    """Return the clock that the mark of a test names; None: it has no mark."""
    mark = item.get_closest_marker("legato_clock")
    if mark is None:
        return None
    given = (*mark.args, *mark.kwargs.values())
    return _checked(given[0] if len(given) == 1 else given, f"The mark of {item.nodeid}")


def _clock_of(item: pytest.Item) -> Any:
    config = item.config
    kind = _marked(item) or config.getoption("legato_clock") or config.getini("legato_clock")
    if kind == "real":
        return nullcontext()
    from legato.testing import virtual_clock

    return virtual_clock()


def _checked(kind: object, place: str) -> object:
    if kind not in CLOCKS:
        raise pytest.UsageError(f"{place}: the clock must be 'real' or 'virtual', not {kind!r}.")
    return kind


class _Homes:
    """The homes of a test session: one in each process of pytest-xdist, below one folder.

    A home that the user named in LEGATO_HOME is left alone.
    """

    def __init__(self) -> None:
        self._before = {name: os.environ.get(name) for name in (HOME, ROOT, *PROFILES)}
        self._home = self._litter = ""
        root, worker = os.environ.get(ROOT), os.environ.get("PYTEST_XDIST_WORKER")
        if not os.environ.get(HOME):
            root = self._litter = tempfile.mkdtemp(prefix="legato-pytest-")
            self._use(root, MAIN)
        elif root and worker and os.environ[HOME] == os.path.join(root, MAIN):
            self._use(root, worker)

    def _use(self, root: str, name: str) -> None:
        self._home = os.path.join(root, name)
        for profile in PROFILES:  # of the user's own home
            os.environ.pop(profile, None)
        os.environ.update({HOME: self._home, ROOT: root})
        _read_settings_again()

    def remove(self) -> None:
        """Close the home of this process and remove it, and all homes where they began."""
        if not self._home:
            return
        backends: Any = sys.modules.get("legato._backend.current")
        if backends is not None:
            backends.retire(self._home)
        shutil.rmtree(self._litter or self._home, ignore_errors=True)
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _read_settings_again()


def _read_settings_again() -> None:
    settings: Any = sys.modules.get("legato._settings.current")
    if settings is not None:
        settings.forget()
