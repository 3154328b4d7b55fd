"""What a package shows its users: names with their parameters, commands, settings.

Needs only the standard library and runs in any interpreter, because Prefect stands in another:
`python compat/surface.py` prints Prefect's surface as JSON. The same functions describe Legato.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

MODULES = (
    "flows",
    "tasks",
    "states",
    "futures",
    "task_runners",
    "cache_policies",
    "transactions",
    "results",
    "serializers",
    "filesystems",
    "locking",
    "variables",
    "artifacts",
    "assets",
    "automations",
    "schedules",
    "context",
    "settings",
    "exceptions",
    "flow_runs",
    "input",
    "task_worker",
    "main",
    "blocks",
    "client",
    "concurrency",
    "deployments",
    "events",
    "logging",
    "runner",
    "runtime",
    "server.schemas",
    "testing",
    "utilities",
    "workers",
)
ANY = "…"
_LONGEST = 30
_TYPE_VARIABLES = ("TypeVar", "ParamSpec")


class Parameter(NamedTuple):
    """A parameter as it stands in a key: `*name` is one by keyword only, `name/` by position."""

    name: str
    kind: str  # position, both, keyword, more (*args), rest (**kwargs)
    default: str | None

    def __str__(self) -> str:
        mark = {"more": "*", "rest": "**"}.get(self.kind, "")
        return f"{mark}{self.name}" + ("" if self.default is None else f"={self.default}")


_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "position",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "both",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "more",
    inspect.Parameter.VAR_KEYWORD: "rest",
}


def default_text(value: object) -> str:
    """Return a default as the ledger writes it; what is made anew, a path or long is `…`."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__name__
    text = repr(value)
    odd = " at 0x" in text or "Path(" in text or text == "<factory>"
    return ANY if odd or len(text) > _LONGEST else text


def parameters(value: Any) -> list[Parameter] | None:
    """Return the parameters of a function or class; None for all else, and for exceptions."""
    if inspect.isclass(value) and issubclass(value, BaseException | enum.Enum):
        return None
    if inspect.isclass(value) and hasattr(value, "model_fields"):
        return [_field(name, field) for name, field in value.model_fields.items()]
    method = isinstance(value, classmethod | staticmethod)
    function = value.__func__ if method else value
    if not callable(function) or type(function).__module__ in ("typing", "types"):
        return None
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if found and (isinstance(value, classmethod) or (not method and _in_class(function))):
        found = found[1:]
    return [made for item in found for made in _made(item, function)]


def _in_class(function: Any) -> bool:
    return inspect.isroutine(function) and "." in function.__qualname__.rpartition("<locals>.")[2]


def _field(name: str, field: Any) -> Parameter:
    name = field.alias if isinstance(field.alias, str) else name
    if field.is_required():
        return Parameter(name, "keyword", None)
    made = field.default_factory is not None
    return Parameter(name, "keyword", ANY if made else default_text(field.default))


def _made(item: inspect.Parameter, function: Any) -> list[Parameter]:
    """Return the parameter, or the options that stand behind `**options: Unpack[Options]`."""
    if item.kind is item.VAR_KEYWORD and "Unpack[" in str(item.annotation):
        options = _options(str(item.annotation), function)
        if options:
            return [Parameter(name, "keyword", "None") for name in options]
    name, kind = item.name, _KINDS[item.kind]
    if "__" in name:  # hidden from those who would give it by keyword
        name, kind = name.rpartition("__")[2], "position"
    elif name.startswith("_"):
        return []
    return [
        Parameter(name, kind, None if item.default is item.empty else default_text(item.default))
    ]


def _options(annotation: str, function: Any) -> list[str]:
    name = annotation.partition("Unpack[")[2].rstrip("]").rpartition(".")[2]
    home = function.__init__ if inspect.isclass(function) else function
    found: Any = inspect.unwrap(home).__globals__.get(name)  # or it is there for checkers only
    return list(getattr(found, "__annotations__", ()))


def signature_text(found: list[Parameter]) -> str:
    """Return parameters as they stand between the brackets of a key."""
    parts: list[str] = []
    before = ""
    for item in found:
        if before == "position" and item.kind != "position":
            parts.append("/")
        if item.kind == "keyword" and before not in ("keyword", "more"):
            parts.append("*")
        parts.append(str(item))
        before = item.kind
    return ", ".join([*parts, "/"] if before == "position" else parts)


def keys(found: dict[str, list[Parameter] | None]) -> list[str]:
    """Return the keys of the ledger; an async twin refers to the parameters of the sync one."""
    texts: list[str] = []
    for name, given in found.items():
        cls, dot, last = name.rpartition(".")
        twin = last.removeprefix("a")
        if given is None:
            texts.append(name)
        elif given and twin != last and found.get(cls + dot + twin) == given:
            texts.append(f"{name}(as {twin})")
        else:
            texts.append(f"{name}({signature_text(given)})")
    return texts


def module_names(module: Any) -> list[str]:
    """Return the public names: `__all__`, and what the module itself defines."""
    found = dict.fromkeys(getattr(module, "__all__", ())) | dict.fromkeys(defined_names(module))
    return [name for name in found if hasattr(module, name)]


def defined_names(module: Any) -> list[str]:
    """Return the names that stand in the file of the module."""
    path = getattr(module, "__file__", None)
    return file_names(Path(path)) if path else []


def file_names(path: Path) -> list[str]:
    return _defined(ast.parse(path.read_text("utf-8")).body)


def _defined(body: list[ast.stmt]) -> list[str]:
    names: list[str] = []
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names.append(node.name)
            case ast.Assign(targets=targets, value=value) if not _type_variable(value):
                names += [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case ast.If() | ast.Try():
                names += _defined([*node.body, *node.orelse])
            case _:
                pass
    return [name for name in names if not name.startswith("_") and name != "logger"]


def _type_variable(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith(_TYPE_VARIABLES)


def methods(cls: type) -> list[str]:
    """Return the public methods that the class has of its own or of private bases."""
    names: list[str] = []
    for base in reversed(cls.__mro__):
        home = base.__module__
        if base is cls or (home.startswith("prefect") and _private(home)):
            names += [name for name in vars(base) if not name.startswith("_")]
    return [name for name in dict.fromkeys(names) if _is_method(cls, name)]


def _private(module: str) -> bool:
    return any(part.startswith("_") for part in module.split("."))


def _is_method(cls: type, name: str) -> bool:
    found = inspect.getattr_static(cls, name, None)
    if isinstance(found, property) or inspect.isclass(found):
        return False
    if (
        name.startswith("model_")
        or name in ("copy", "dict", "json", "reset_fields")
        or _validates(cls, name)
    ):
        return False
    return callable(getattr(cls, name, None))


def _validates(cls: type, name: str) -> bool:
    decorators = getattr(cls, "__pydantic_decorators__", None)
    kinds = ("field_validators", "model_validators", "field_serializers", "model_serializers")
    return any(name in getattr(decorators, kind, {}) for kind in kinds)


def describe(module: Any, public: set[str]) -> dict[str, list[Parameter] | None]:
    """Return the public names of a module and of its classes, each with its parameters.

    What another of the `public` modules defines is described there.
    """
    found: dict[str, list[Parameter] | None] = {}
    for name in module_names(module):
        value = getattr(module, name)
        if inspect.ismodule(value):
            continue
        home = getattr(value, "__module__", None) or module.__name__
        if home != module.__name__ and home in public:
            found[name] = None
            continue
        found[name] = parameters(value)
        if inspect.isclass(value) and home == module.__name__:
            for method in methods(value):
                found[f"{name}.{method}"] = parameters(inspect.getattr_static(value, method))
    return found


# ---- Prefect ------------------------------------------------------------------------------------


def module_paths(root: Path) -> list[str]:
    """Return the public modules, as paths below the package; the package itself is ``."""
    found = [""]
    for name in MODULES:
        place = root / name.replace(".", "/")
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        for file in files:
            parts = file.relative_to(root).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if not any(part.startswith("_") for part in parts):
                found.append(".".join(parts))
    return found


def prefect_modules() -> dict[str, list[str]]:
    """Return the keys of each module; of one that cannot be imported here the names alone."""
    import prefect

    root = Path(prefect.__file__).parent
    paths = module_paths(root)
    public = {f"prefect.{path}" for path in paths}
    found: dict[str, list[str]] = {}
    for path in paths:
        try:
            module = importlib.import_module(f"prefect.{path}".rstrip("."))
        except ImportError:
            file = root / f"{path.replace('.', '/')}.py"
            found[path] = file_names(file) if file.exists() else []
            continue
        described = describe(module, public)
        drop_twin(described, "SyncPrefectClient", "PrefectClient")
        found[path] = keys(described)
    return {path: texts for path, texts in found.items() if texts}


def drop_twin(described: dict[str, Any], twin: str, of: str) -> None:
    """Leave out methods of the sync client that are those of the async one."""
    for name in list(described):
        cls, _, method = name.partition(".")
        if cls == twin and method and described[name] == described.get(f"{of}.{method}", ANY):
            del described[name]


def prefect_commands() -> list[str]:
    from prefect.cli._app import _app

    found: dict[str, None] = {" ".join(("prefect", *_arguments(_app.meta)[1:])): None}
    _walk(_app, (), found, {})
    return list(found)


def _walk(app: Any, path: tuple[str, ...], found: dict[str, None], seen: dict[int, str]) -> None:
    for name in app:
        if name.startswith("-"):
            continue
        sub = app[name]
        here = " ".join((*path, name))
        if id(sub) in seen:
            found[here] = None
            continue
        seen[id(sub)] = here
        if sub.default_command is not None:
            found[" ".join((here, *_arguments(sub)))] = None
        if any(not item.startswith("-") for item in sub):
            _walk(sub, (*path, name), found, seen)


def _arguments(app: Any) -> list[str]:
    texts: list[str] = []
    for item in app.assemble_argument_collection():
        names = [n for n in item.names if not n.startswith(("--no-", "--empty-"))]
        if item.index is not None:
            name = (names[0].lstrip("-") if names else item.field_info.name).upper()
            name = name.replace("_", "-")
            texts.append(name if item.required else f"[{name}]")
        elif names:
            texts.append("/".join(names))
    return texts


def prefect_settings() -> list[str]:
    from prefect.settings import Settings

    found: list[str] = []
    _fields(Settings, "PREFECT_", found)
    return found


def _fields(model: Any, prefix: str, found: list[str]) -> None:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if inspect.isclass(inner) and hasattr(inner, "model_fields"):
            _fields(inner, f"{prefix}{name.upper()}_", found)
        else:
            made = field.default_factory is not None
            default = ANY if made else default_text(field.default)
            found.append(f"{prefix}{name.upper()}={default}")


if __name__ == "__main__":
    surface = {
        "modules": prefect_modules(),
        "commands": prefect_commands(),
        "settings": prefect_settings(),
    }
    json.dump(surface, sys.stdout, indent=1, ensure_ascii=False)
