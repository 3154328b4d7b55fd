"""What a function is made of: its own code, and all of the user's code that it can reach.

The walk goes over live objects, not over source files: what runs is what is compared, and a
constant counts by its value. From a function it follows

- the names of the module that its code reads: functions, classes, constants, modules;
- for modules of the user, every attribute that the code asks of anything by that name: some may
  be meant for another object, which costs a needless miss, never a wrong hit;
- imports inside functions, closures, defaults, partials, `__wrapped__`, classes in annotations;
- what is held by constants and closures: functions in a table, the classes of objects.

A class counts as a whole, with its bases. Installed packages count by their version, the standard
library by Python's. What cannot be followed is a part `not covered:...`, which is no part of the
key.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import resolve_name
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from legato._model.cache_lookups import NOT_COVERED
from legato._sdk import code_values
from legato._sdk.code_digest import code_digest
from legato._sdk.code_places import Place, module_place, package_version, place
from legato._sdk.code_uses import Import, Uses, uses_of
from legato._sdk.hash_functions import file_hash
from legato._sdk.hashing import Unhashable

_MISSING = code_values.MISSING
_KEPT = 512


class Closure(NamedTuple):
    """The parts of a function, and what names meant when they were found."""

    parts: dict[str, str]
    meanings: list[tuple[Mapping[str, Any], str, Any]]

    def holds(self) -> bool:
        """Tell whether every name still means the same object."""
        return all(names.get(name, _MISSING) is was for names, name, was in self.meanings)


# By the id of the function, which is kept beside: not all that can be called can be hashed.
_closures: dict[int, tuple[Any, Closure]] = {}


def closure_parts(fn: Callable[..., Any]) -> dict[str, str]:
    """Return the hashes of all that a function is made of, by name.

    They are found once for each function, and again when a name that they depend on means
    something else, as after a cell of a notebook was run again.
    """
    was, known = _closures.get(id(fn), (None, None))
    if known is None or was is not fn or not known.holds():
        known = Walk(fn).closure()
        _closures[id(fn)] = fn, known
        while len(_closures) > _KEPT:
            _closures.pop(list(_closures)[0], None)  # noqa: RUF015 - threads may add meanwhile
    return known.parts


class Walk:
    """One walk; every object is visited once."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self._root = code_values.root_module(fn)
        self._parts: dict[str, str] = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
        self._meanings: list[tuple[Mapping[str, Any], str, Any]] = []
        self._seen: dict[int, Any] = {}
        self._kept: list[Any] = []
        self._names: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._asked: set[tuple[int, tuple[str, ...]]] = set()
        self._assigned: dict[tuple[int, str], tuple[str, str]] = {}
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()

    def closure(self) -> Closure:
        """Return what the function is made of."""
        self._use("function", self._fn, ())
        while self._waiting:
            step, arguments = self._waiting.popleft()
            step(*arguments)
        for name, by in self._assigned.values():
            if self._parts.pop(f"value:{name}", None) is not None:
                self.miss(name, f"{by} assigns it")
        kept = [known for known in self._meanings if (id(known[0]), known[1]) not in self._assigned]
        return Closure(self._parts, kept)

    def part(self, name: str, value: str) -> None:
        """Add a part; another one of that name gets a number."""
        number, free = 1, name
        while self._parts.get(free, value) != value:
            number += 1
            free = f"{name}#{number}"
        self._parts[free] = value

    def miss(self, what: str, why: str) -> None:
        """Say what is not covered."""
        self._parts[f"{NOT_COVERED}{what}"] = why

    def name_of(self, named: Any) -> str:
        """Return what a function, class or module is called, and have it followed.

        The second of a name gets a number, as two lambdas in one function: their closures differ.
        """
        self.visit(named)
        if id(named) not in self._names:
            label = code_values.label(named, self._root)
            self._counts[label] += 1
            number = self._counts[label]
            self._names[id(named)] = label if number == 1 else f"{label}#{number}"
            self._kept.append(named)
        return self._names[id(named)]

    def visit(self, found: Any) -> None:
        """Put a function, a class or what wraps them in line."""
        if id(found) in self._seen:
            return
        self._seen[id(found)] = found
        if isinstance(found, FunctionType):
            self._waiting.append((self._function, (found,)))
        elif isinstance(found, type):
            self._waiting.append((self._class, (found,)))
        elif isinstance(found, ModuleType):
            self._held_module(found)
        else:
            for inner in code_values.wrapped(found):
                self.visit(inner)

    def package(self, module: str) -> None:
        """Add the version of an installed package."""
        top = module.partition(".")[0]
        version = package_version(top)
        if version is None:
            self.miss(f"package {top}", "it has no version")
        else:
            self._parts[f"package:{top}"] = version

    def _is_users(self, module: str, file: str | None) -> bool:
        """Tell whether code is to be followed; an installed package counts by its version."""
        whose = place(module, file)
        if whose is Place.PACKAGE:
            self.package(module)
        return whose is Place.USER

    def _function(self, function: FunctionType) -> None:
        users = self._is_users(*code_values.home(function))
        name = self.name_of(function)
        for inner in code_values.wrapped(function):
            self.visit(inner)
        if users or self._wraps_users(function):
            self._held(function, name)
        if not users:
            return
        self.part(f"code:{name}", code_digest(function.__code__))
        defaults = [function.__defaults__, function.__kwdefaults__]
        if any(defaults):
            self._value(f"{name} (its defaults)", defaults)
        for kind in code_values.annotated(function.__annotations__, function.__globals__):
            self.visit(kind)
        self._class_around(function)
        self._reads(function, name)

    def _wraps_users(self, function: FunctionType) -> bool:
        """Tell whether a function of a library holds one of the user's, as a decorator's does."""
        inside = [*code_values.wrapped(function), *code_values.held(function).values()]
        return any(
            place(*code_values.home(inner)) is Place.USER
            for inner in code_values.functions_in(inside)
        )

    def _held(self, function: FunctionType, name: str) -> None:
        """Follow the variables around a function that it uses.

        Those of the standard library hold functions, and caches that are no part of them.
        """
        attributes = uses_of(function.__code__).attributes
        standard = place(*code_values.home(function)) is Place.PYTHON
        for variable, content in code_values.held(function).items():
            if not standard or any(code_values.functions_in([content])):
                self._use(f"{name} (its variable {variable})", content, attributes)

    def _class_around(self, function: FunctionType) -> None:
        """A method may ask anything of `self`: its class counts."""
        *path, _ = function.__qualname__.split(".")
        if not path or "<locals>" in path:
            return
        found: Any = function.__globals__.get(path[0])
        for name in path[1:]:
            found = getattr(found, name, None)
        if isinstance(found, type):
            self.visit(found)

    def _reads(self, function: FunctionType, name: str) -> None:
        """Follow the names that a function's code reads and imports."""
        uses = uses_of(function.__code__)
        names = function.__globals__
        before = code_values.prefix(function, self._root)
        for read in uses.reads:
            self._read(f"{before}{read}", names, read, uses)
        for statement in uses.imports:
            self._import(statement, names.get("__package__") or "", uses, name)
        for assigned in uses.assigned:
            self._assigned[id(names), assigned] = f"{before}{assigned}", name
        for blind in uses.blind:
            self.miss(f"{blind} in {name}", "what it reaches is known only when it runs")

    def _read(self, label: str, names: Mapping[str, Any], name: str, uses: Uses) -> None:
        found = names.get(name, _MISSING)
        self._meanings.append((names, name, found))
        if found is not _MISSING and not (name.startswith("__") and name.endswith("__")):
            self._use(label, found, uses.attributes)

    def _use(self, label: str, found: Any, attributes: tuple[str, ...]) -> None:
        """Follow what a name means."""
        if isinstance(found, ModuleType):
            self._module(found, attributes)
        elif code_values.is_code(found):
            self.visit(found)
            self._compiled(found)
        else:
            self._value(label, found)

    def _value(self, label: str, value: Any) -> None:
        """Add a constant, and follow the functions and classes that it holds."""
        if (id(value), (label,)) in self._asked:
            return
        self._asked.add((id(value), (label,)))
        self._kept.append(value)  # so that its id is that of no other value
        self.visit(type(value))
        try:
            self.part(f"value:{label}", code_values.value_hash(value, self.name_of))
        except Unhashable as error:
            self.miss(label, f"it{error}")
            self.visit(value)
        except RecursionError:
            self.miss(label, "it is nested too deeply")

    def _module(self, module: ModuleType, attributes: tuple[str, ...]) -> None:
        """Follow what the code may ask of a module of the user's."""
        if (id(module), attributes) in self._asked:
            return
        self._asked.add((id(module), attributes))
        file: str | None = getattr(module, "__file__", None)
        if not self._is_users(module.__name__, file):
            return
        if file is not None and not file.endswith(".py"):
            self._parts[f"file:{module.__name__}"] = file_hash(file)
            return
        names = vars(module)
        for name in attributes:
            found = names.get(name, _MISSING)
            if found is _MISSING and "__getattr__" in names:
                found = code_values.asked(module, name)
            if found is not _MISSING and not name.startswith("__"):
                self._meanings.append((names, name, names.get(name, _MISSING)))
                self._use(f"{module.__name__}.{name}", found, attributes)

    def _held_module(self, module: ModuleType) -> None:
        """Say that a module which a constant holds cannot be followed."""
        if self._is_users(module.__name__, getattr(module, "__file__", None)):
            self.miss(
                f"module {module.__name__}", "it is a value, so what is used of it is unknown"
            )

    def _compiled(self, found: Any) -> None:
        """A function without Python code counts by the file of its module."""
        module = sys.modules.get(getattr(found, "__module__", None) or "")
        if module is not None and not isinstance(found, FunctionType | type):
            self._module(module, ())

    def _import(self, statement: Import, package: str, uses: Uses, name: str) -> None:
        """Follow an import inside a function: the module is loaded, as the function would."""
        target = resolve_name("." * statement.level + statement.name, package)
        top = target.partition(".")[0]
        whose = module_place(top)
        if whose is Place.PACKAGE:
            self.package(top)
        if whose is not Place.USER:
            return
        try:
            module = import_module(target)
        except Exception as error:  # noqa: BLE001 - the user's module
            self.miss(f"import of {target} in {name}", f"{type(error).__name__}: {error}")
            return
        first = sys.modules[top] if not statement.names else module
        for wanted in statement.names:
            if not hasattr(module, wanted):
                self._submodule(f"{target}.{wanted}")
        self._module(first, uses.attributes)

    def _submodule(self, name: str) -> None:
        try:
            import_module(name)
        except Exception as error:  # noqa: BLE001 - the user's module
            self.miss(f"import of {name}", f"{type(error).__name__}: {error}")

    def _class(self, kind: type[Any]) -> None:
        """Take a class as a whole: bases, methods, fields and other attributes."""
        module = sys.modules.get(kind.__module__)
        file: str | None = getattr(module, "__file__", None)
        if not self._is_users(kind.__module__, file):
            return
        if file is not None and not file.endswith(".py") and module is not None:
            self._module(module, ())
            return
        name = self.name_of(kind)
        members = code_values.members(kind, self.name_of)
        for base in (*kind.__bases__, type(kind)):
            self.visit(base)
        for annotation in code_values.annotated(
            members.annotations, vars(module) if module else {}
        ):
            self.visit(annotation)
        for method in members.methods:
            self.visit(method)
        self.part(f"code:{name}", members.text)
        for attribute, value in members.values.items():
            self._use(f"{name}.{attribute}", value, ())
