"""Whose code something is: the user's, an installed package's, Python's own."""

from __future__ import annotations

import os
import sys
import sysconfig
from enum import Enum
from functools import lru_cache
from importlib import metadata, util


class Place(Enum):
    """Where code comes from, which decides how it is compared."""

    USER = "user"
    """By its content: all that is neither installed nor Python's own, editable installs too."""
    PACKAGE = "package"
    """By the version."""
    PYTHON = "python"
    """By Python's version."""
    LEGATO = "legato"
    """Not at all: a new Legato makes no cached result wrong."""


_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")
)  # fmt: skip


def module_place(name: str) -> Place:
    """Return whose a module is; it need not be loaded."""
    module = sys.modules.get(name)
    file: str | None = getattr(module, "__file__", None)
    if module is None:
        try:
            spec = util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        file = spec.origin if spec is not None and spec.has_location else None
    return place(name, file)


@lru_cache(maxsize=4096)
def place(module: str, file: str | None) -> Place:
    """Return whose a module or a piece of code is, by the file that it stands in."""
    top = module.partition(".")[0]
    if top == "legato":
        return Place.LEGATO
    if file is None or not os.path.isfile(file):  # built in, or typed into a notebook
        return Place.PYTHON if top in sys.stdlib_module_names - {"__main__"} else Place.USER
    path = os.path.abspath(file)
    if any(part in path for part in _INSTALLED):
        return Place.PACKAGE
    if path.startswith(_STANDARD):
        return Place.PYTHON
    return Place.PACKAGE if _is_installed(module, path) else Place.USER


def _is_installed(module: str, path: str) -> bool:
    """Tell whether an installer has put the module where it is, as with `pip install --target`."""
    folder = os.path.dirname(path)
    depth = module.count(".") + (os.path.basename(path) == "__init__.py")
    for _ in range(depth):
        folder = os.path.dirname(folder)
    return _holds_packages(folder)


@lru_cache(maxsize=256)
def _holds_packages(folder: str) -> bool:
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(folder))
    except OSError:
        return False


@lru_cache(maxsize=1024)
def package_version(top: str) -> str | None:
    """Return the version of the package that installed a module, or of all that share its name."""
    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        names = sorted(set(_distributions().get(top, ())))
    if names:
        return ", ".join(f"{name} {metadata.version(name)}" for name in names)
    version = getattr(sys.modules.get(top), "__version__", None)
    return version if isinstance(version, str) else None


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())
