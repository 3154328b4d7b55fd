"""What the user's code was: hashes of the files that it was imported from.

A file is read when its module is first seen, and again after a reload, so the hash is that of the
code at work rather than of the last edit. What was seen costs a look at `sys.modules` only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from legato._sdk.flow import Flow

MOST_FILES = 1000
"""Modules of the user that are looked at; those that were imported later are left out."""
MOST_BYTES = 2**20
"""Of a file that take part in its hash."""
MISSING = "missing"

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_OTHERS = tuple(
    os.path.join(os.path.dirname(file), "") for file in (os.__file__, os.path.dirname(__file__))
)
"""Folders of Python's own modules and of ours; `code_places` knows more and costs more."""

_lock = Lock()
_foreign: set[str] = set()
"""Modules that are installed, Python's or ours, or have no file."""
_own: dict[str, tuple[Any, str, str]] = {}
"""The other ones: by name, how they were loaded, their files and the hashes of those."""
_told: dict[str, dict[str, str]] = {}


def of(flow: Flow[Any, Any]) -> dict[str, str] | None:
    """Return the hashes of the imported files by their paths from the folder of the flow's file.

    None for a flow without a file, as in a notebook.
    """
    if flow.entrypoint is None:
        return None
    folder = folder_of(flow.entrypoint)
    with _lock:
        if _look() or folder not in _told:
            _told.clear()
            _told[folder] = {_from(folder, path): found for _, path, found in _own.values()}
        return _told[folder]


def folder_of(entrypoint: str) -> str:
    """Return the folder of the file that an entrypoint names."""
    return os.path.dirname(os.path.abspath(entrypoint.rpartition(":")[0]))


def changed(before: Mapping[str, str], folder: str) -> list[str]:
    """Return the files that are not as they were, by their paths from the folder."""
    return [
        name for name, was in sorted(before.items()) if was != hash_of(os.path.join(folder, name))
    ]


def forget() -> None:
    """Look at all modules anew."""
    with _lock:
        _foreign.clear()
        _own.clear()
        _told.clear()


def _look() -> bool:
    """Look for modules that were imported or reloaded since; tell whether there are any."""
    modules = sys.modules
    new = modules.keys() - _foreign - _own.keys()
    new |= {name for name, seen in _own.items() if name in modules and seen[0] is not _spec(name)}
    before = len(_own)
    again = bool(new & _own.keys())
    for name in sorted(new):
        path = _path(name)
        if path is None or len(_own) >= MOST_FILES:
            _foreign.add(name)
        else:
            _own[name] = _spec(name), path, hash_of(path)
    return again or len(_own) > before


def _spec(name: str) -> Any:
    return getattr(sys.modules.get(name), "__spec__", None)


def _path(name: str) -> str | None:
    """Return the file of a module that is neither installed nor Python's nor ours."""
    file: Any = getattr(sys.modules.get(name), "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    if file.startswith(_OTHERS) or any(part in file for part in _INSTALLED):
        return None
    return os.path.abspath(file)


def _from(folder: str, path: str) -> str:
    if path.startswith(os.path.join(folder, "")):
        return path[len(os.path.join(folder, "")) :]
    return os.path.relpath(path, folder)


def hash_of(path: str) -> str:
    """Return the hash of a file, or that it is missing."""
    try:
        with open(path, "rb") as file:
            return blake2b(file.read(MOST_BYTES), digest_size=8).hexdigest()
    except OSError:
        return MISSING
