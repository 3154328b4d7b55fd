"""What a piece of compiled code uses of the world around it, by name."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from types import CodeType
from typing import NamedTuple

_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM"})
_ASSIGNS = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_CALLS = frozenset({"PRECALL", "CALL", "CALL_FUNCTION_EX", "CALL_KW"})
# Builtins by which code reaches what its text does not name.
_BLIND = frozenset({"eval", "exec", "compile", "__import__", "globals"})
_BLIND_ATTRIBUTES = frozenset(
    {"import_module", "exec_module", "run_path", "run_module", "__subclasses__"}
)


class Import(NamedTuple):
    """An import statement inside a function."""

    name: str
    level: int
    names: tuple[str, ...]


class Uses(NamedTuple):
    """Names in the order in which the code has them, each once."""

    reads: tuple[str, ...]
    """Names of the module or of builtins."""
    attributes: tuple[str, ...]
    """What is asked of anything by a dot, or by `from module import name`."""
    imports: tuple[Import, ...]
    assigned: tuple[str, ...]
    """Names of the module that the code itself gives values to."""
    blind: tuple[str, ...]
    """How the code reaches things whose names are not in it."""


@lru_cache(maxsize=4096)
def uses_of(code: CodeType) -> Uses:
    """Return what a function and the functions inside use."""
    instructions = list(dis.get_instructions(code))
    inner = [uses_of(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    reads = [step.argval for step in instructions if step.opname in _READS]
    asked = [step.argval for step in instructions if step.opname in _ATTRIBUTES]
    named, computed = _getattrs(instructions)
    blind = [f"{name}()" for name in reads if name in _BLIND]
    blind += [f"{name}()" for name in asked if name in _BLIND_ATTRIBUTES]
    blind += ["getattr() with a name that is computed"] if computed else []
    assigned = [step.argval for step in instructions if step.opname in _ASSIGNS]
    return Uses(
        _once(chain(reads, *(uses.reads for uses in inner))),
        _once(chain(asked, named, *(uses.attributes for uses in inner))),
        (*_imports(instructions), *chain.from_iterable(uses.imports for uses in inner)),
        _once(chain(assigned, *(uses.assigned for uses in inner))),
        _once(chain(blind, *(uses.blind for uses in inner))),
    )


def _once(names: chain[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _imports(instructions: list[dis.Instruction]) -> Iterator[Import]:
    """Find imports: the level and the names are the two constants before."""
    for place, step in enumerate(instructions):
        if step.opname == "IMPORT_NAME":
            level, names = instructions[place - 2].argval, instructions[place - 1].argval
            yield Import(step.argval, level or 0, names or ())


def _getattrs(instructions: list[dis.Instruction]) -> tuple[list[str], bool]:
    """Return the names that `getattr` is called with, and whether there are others.

    Where the name is not the constant right before the call, or before the default, it counts as
    computed.
    """
    named: list[str] = []
    computed = False
    for place, step in enumerate(instructions):
        if step.opname not in _READS or step.argval not in ("getattr", "methodcaller"):
            continue
        after = instructions[place + 1 :]
        call = next((n for n, later in enumerate(after) if later.opname in _CALLS), 0)
        given = after[call].argval if call else None
        name = after[call - given + 1] if given in (2, 3) and call >= given else None
        if name is not None and name.opname == "LOAD_CONST" and isinstance(name.argval, str):
            named.append(name.argval)
        else:
            computed = True
    return named, computed
