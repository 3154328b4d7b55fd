"""A hash of compiled code that comments, formatting and docstrings do not change.

Instructions are taken with the names and constants that they use, not with their places in the
tables of names and constants: a new docstring moves those. It differs between minor versions of
Python, as bytecode does.
"""

from __future__ import annotations

import dis
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from types import CodeType
from typing import Any, TypeGuard

# Filling, and what depends on how far a jump is; the targets of jumps say it.
_SKIPPED = frozenset({"RESUME", "NOP", "CACHE", "EXTENDED_ARG"})
_HAS_DOCSTRING = 0x4000000  # a flag since Python 3.13


@lru_cache(maxsize=4096)
def code_digest(code: CodeType) -> str:
    """Return the hash of a function's code and of the functions inside."""
    digest = blake2b(digest_size=16)
    arguments = code.co_argcount + code.co_kwonlyargcount
    head = (
        code.co_posonlyargcount,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_HAS_DOCSTRING,
        code.co_varnames[:arguments],
        code.co_freevars,
    )
    digest.update(repr(head).encode())
    for instruction in dis.get_instructions(code):
        if instruction.opname not in _SKIPPED:
            digest.update(f"{instruction.opname} {_argument(instruction)}\n".encode())
    return digest.hexdigest()


def _argument(instruction: dis.Instruction) -> str:
    value = instruction.argval
    if isinstance(value, CodeType):
        return code_digest(value)
    if instruction.opcode in dis.hasconst:
        return constant_text(value)
    return repr(value)


def constant_text(constant: object) -> str:
    """Return a text of a constant of code that is alike in every process."""
    if isinstance(constant, CodeType):
        return code_digest(constant)
    if _is(constant, tuple):
        return f"({', '.join(map(constant_text, constant))})"
    if _is(constant, frozenset):  # its repr follows PYTHONHASHSEED
        return f"{{{', '.join(sorted(map(constant_text, constant)))}}}"
    return repr(constant).encode("utf-8", "backslashreplace").decode()


def _is(constant: object, kind: type[Any]) -> TypeGuard[Iterable[object]]:
    return isinstance(constant, kind)
