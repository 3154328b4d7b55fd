"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import legato
import legato._sdk

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


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_the_decorators_have_examples() -> None:
    for name in ("flow", "task", "tags", "get_client"):
        assert ">>>" in (getattr(legato, name).__doc__ or ""), name
