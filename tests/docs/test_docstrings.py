"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import legato
import legato._sdk
from legato._backend import current as backends
from legato._settings import current as configuration

MODULES = [
    "legato",
    *(
        found.name
        for found in pkgutil.walk_packages(legato._sdk.__path__, "legato._sdk.")
        if "windows" not in found.name
    ),
    "legato.testing",
    "legato.testing._clock",
    "legato.testing._harness",
]


@pytest.fixture(scope="module", autouse=True)
def _a_home_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Other tests count the runs of the home that they share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEGATO_HOME", str(tmp_path_factory.mktemp("docstrings")))
        configuration.forget()
        yield
        backends.retire(backends.current().home.root)
    configuration.forget()


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_the_decorators_have_examples() -> None:
    for name in ("flow", "task", "tags", "get_client"):
        assert ">>>" in (getattr(legato, name).__doc__ or ""), name
