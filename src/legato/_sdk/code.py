"""What is known of the user's code: names, hashes, options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from hashlib import blake2b
from types import CodeType
from typing import Any, cast

from msgspec import structs

from legato._sdk.signature import underlying


def code_hash(fn: Callable[..., Any]) -> str:
    """Return a hash of the function's compiled code; changes of line numbers do not count."""
    function = underlying(fn)
    if function is None:
        return blake2b(repr(type(fn)).encode(), digest_size=16).hexdigest()
    digest = blake2b(digest_size=16)
    _feed(digest, function.__code__)
    return digest.hexdigest()


def _feed(digest: blake2b, code: CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed(digest, constant)
        else:
            digest.update(_text(constant).encode("utf-8", "backslashreplace"))


def _text(constant: object) -> str:
    """Return a constant's text; that of a frozenset in a repr follows PYTHONHASHSEED."""
    if isinstance(constant, frozenset):
        return f"{{{', '.join(sorted(map(_text, cast('frozenset[object]', constant))))}}}"
    if isinstance(constant, tuple):
        return f"({', '.join(map(_text, cast('tuple[object, ...]', constant)))})"
    return repr(constant)


def file_hash(fn: Callable[..., Any]) -> str:
    """Return a hash of the file that the function stands in, or of its code without one."""
    function = underlying(fn)
    if function is not None:
        try:
            with open(function.__code__.co_filename, "rb") as file:
                return blake2b(file.read(), digest_size=16).hexdigest()
        except OSError:
            pass
    return code_hash(fn)


def step_name(fn: Callable[..., Any], name: str, label: str | None) -> str:
    """Return `module.function`, and the option `step_key=` behind a `#`."""
    function = underlying(fn)
    place = name if function is None else f"{_module_of(function)}.{function.__qualname__}"
    return f"{place}#{label}" if label else place


known_as: dict[str, str] = {}
"""Names of modules that scripts were loaded under, and their own, which may have been taken."""


sent_from: str | None = None
"""In a worker: the script whose functions it is sent; its own `__main__` is another one."""


def _module_of(function: Callable[..., Any]) -> str:
    """Return the name that the module of a function has wherever its file is loaded."""
    module = function.__module__
    if module != "__main__":
        return known_as.get(module, module)
    return sent_from or script() or module


def script() -> str | None:
    """Return the name of the script that runs here; None at a prompt."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return None if path is None else os.path.splitext(os.path.basename(path))[0]


def merged(decorated: Any, options: Any, hooks: Iterable[str]) -> dict[str, Any]:
    """Return the options of a copy: the old ones, the hooks added since, the new ones."""
    kept = structs.asdict(decorated.options)
    kept["name"], kept["description"] = decorated.name, decorated.description
    kept.update({kind: list(getattr(decorated, kind + "_hooks")) for kind in hooks})
    return {**kept, **options}
