"""The modules under Prefect's names are there for readers and checkers, and load little."""

from __future__ import annotations

import subprocess
import sys

from compat.verify import dotted, imported, public_modules

HEAVY = ("alembic", "asyncio", "click", "cloudpickle", "pydantic", "sqlalchemy", "sqlite3")


def test_every_public_module_says_what_is_public_of_it():
    for name in public_modules():
        module = imported(name)
        assert module is not None
        assert module.__doc__, f"{dotted(name)} has no docstring"
        missing = [n for n in getattr(module, "__all__", ()) if not hasattr(module, n)]
        assert missing == [], f"{dotted(name)} lists what it has not"


def test_no_public_module_loads_a_database_a_server_or_pydantic():
    names = [dotted(name) for name in public_modules()]
    code = f"""
import sys, importlib
for name in {names!r}:
    importlib.import_module(name)
    heavy = [m for m in {HEAVY!r} if m in sys.modules]
    assert not heavy, (name, heavy)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
