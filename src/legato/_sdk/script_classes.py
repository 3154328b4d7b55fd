"""Classes of scripts in pickles: found again where the script is loaded, by whatever name.

A script's module is called `__main__`, or like its file when a command loads it. So a class of it
is pickled under the name of the file, with a copy of the class for who has not loaded the script.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from legato._sdk import code

if TYPE_CHECKING:
    from types import ModuleType


def dumps(value: Any) -> bytes:
    """Return a value pickled; raises what its pickling raises."""
    file = io.BytesIO()
    _pickler()(file).dump(value)
    return file.getvalue()


@lru_cache(maxsize=1)
def _pickler() -> Any:
    library: Any = import_module("cloudpickle")
    usual: Any = library.Pickler.reducer_override

    def reducer_override(self: Any, obj: Any) -> Any:
        if isinstance(obj, type) and (script := script_of(obj)) is not None:
            return found, (script, obj.__qualname__, library.dumps(obj))
        return usual(self, obj)

    return type("Pickler", (library.Pickler,), {"reducer_override": reducer_override})


def script_of(kind: type[Any]) -> str | None:
    """Return the name of the script at whose top level a class stands; None if it does not."""
    name = kind.__module__
    script = _main() if name == "__main__" else code.known_as.get(name)
    module = sys.modules.get(name)
    if script is None or module is None or _standing(module, kind.__qualname__) is not kind:
        return None
    return script


def found(script: str, qualname: str, copy: bytes) -> Any:
    """Return the class of a script as it is here; `copy` is a pickle of it."""
    for module in loaded(script):
        here = _standing(module, qualname)
        if isinstance(here, type):
            return here
    library: Any = import_module("cloudpickle")
    return library.loads(copy)


def loaded(script: str | None = None) -> Iterator[ModuleType]:
    """Yield the modules that a script is loaded as; without a name, those of all scripts."""
    main = _main()
    if main is not None and script in (None, main):
        yield sys.modules["__main__"]
    for name, known in list(code.known_as.items()):
        if name in sys.modules and script in (None, known):
            yield sys.modules[name]


def _main() -> str | None:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return None if path is None else os.path.splitext(os.path.basename(path))[0]


def _standing(module: ModuleType, qualname: str) -> Any:
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found
