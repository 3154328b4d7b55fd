"""CODE_CLOSURE: each edit of a project, and whether the key of its task is another one after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from legato import task
from legato._sdk.cache_keys import key_of
from legato._sdk.code_closure import closure_parts
from legato.cache_policies import CODE_CLOSURE, INPUTS
from legato.context import TaskRunContext

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = {
    "pyproject.toml": "[project]\nname = 'shop'\n",
    "flow.py": '''
"""The flow."""
import functools
import threading
from dataclasses import dataclass

import helpers
import steps.shapes as shapes
import vendored
from helpers import clean as scrub
from legato import flow, task
from steps import models
from steps.decorators import repeated

RATE = 3
UNUSED = 1
LOCK = threading.Lock()
COUNT = 0
KNOWN = {"b", "a", "c"}


def double(x):
    # what it does
    return 2 * x


def unrelated(x):
    return x


def by_name(x):
    return x + 1


def made(n):
    def inner(x):
        return x + n

    return inner


TABLE = {"double": double, "named": [by_name]}
ADD = made(5)
PART = functools.partial(helpers.scaled, by=2)


@dataclass
class Row:
    x: int = 1

    def total(self):
        return self.x + RATE


@vendored.again(times=7)
def retried(x):
    return x - 7


@task
def other(x):
    return x - 1


class Job:
    @task
    def run(self, x):
        return self.step(x)

    def step(self, x):
        return x + 1


@task
@repeated(times=2)
def work(x: "Row | int", scale=lambda x: x * 3):
    """Work."""
    global COUNT
    COUNT += 1
    from steps.late import arrive

    with LOCK:
        y = scrub(x) + helpers.tidy(x) + shapes.area(x)
    shop = models.Shop(x)
    if x in {"k", "l"}:
        return vendored.f(x)
    z = other(x), arrive(x), shop.sell(), retried(x)
    return TABLE["double"](y), ADD(x), PART(x), z, RATE, KNOWN


@flow
def job():
    return work(1)
''',
    "helpers.py": """
LIMIT = 10


def clean(x):
    return deeper(x)


def deeper(x, seen=()):
    if x in seen:
        return clean(x)
    return min(x, LIMIT)


def tidy(x):
    return x


def never(x):
    return x


def scaled(x, by):
    return x * by
""",
    "steps/__init__.py": "",
    "steps/shapes.py": """
from functools import lru_cache

SIDES = [1, 2]


@lru_cache(maxsize=None)
def area(x):
    return sum(SIDES) * x


def volume(x):
    return x
""",
    "steps/models.py": '''
from enum import Enum


class Base:
    def sell(self):
        return self.price * Kind.DEAR.value


class Kind(Enum):
    CHEAP = 1
    DEAR = 2


class Shop(Base):
    """A shop."""

    price = 5

    def __init__(self, x):
        self.x = x

    @property
    def sign(self):
        return "open"


class Other:
    price = 7
''',
    "steps/late.py": """
from . import later


def arrive(x):
    return later.leave(x)
""",
    "steps/later.py": """
def leave(x):
    return x
""",
    "steps/decorators.py": """
import functools


def repeated(times):
    def decorate(fn):
        @functools.wraps(fn)
        def wrapper(*args, **kwargs):
            for _ in range(times):
                result = fn(*args, **kwargs)
            return result

        return wrapper

    return decorate
""",
    "site-packages/vendored/__init__.py": """
def f(x):
    return x


def again(times):
    def decorate(fn):
        def wrapper(*args):
            return [fn(*args) for _ in range(times)]

        return wrapper

    return decorate
""",
    "site-packages/vendored-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: vendored\nVersion: 1.0\n"
    ),
    "site-packages/vendored-1.0.dist-info/RECORD": "vendored/__init__.py,,\n",
}


class Edit(NamedTuple):
    what: str
    file: str
    old: str
    new: str
    expected: str


HIT, MISS = "hit", "miss"
EDITS = [
    Edit("nothing", "flow.py", "RATE = 3", "RATE = 3", HIT),
    # the text of the code, not what it does
    Edit("a comment", "flow.py", "# what it does", "# doubles", HIT),
    Edit("a docstring", "flow.py", '"""Work."""', '"""Work on x."""', HIT),
    Edit("a docstring goes", "flow.py", '    """Work."""\n', "", HIT),
    Edit("a docstring comes", "helpers.py", "def tidy(x):", 'def tidy(x):\n    """Tidy."""', HIT),
    Edit("a class's docstring", "steps/models.py", '"""A shop."""', '"""The shop."""', HIT),
    Edit("formatting", "flow.py", "return 2 * x", "return (\n        2 * x\n    )", HIT),
    Edit("lines above", "flow.py", "RATE = 3", "\n\nRATE = 3", HIT),
    # the function and what stands in its file
    Edit("the task's code", "flow.py", "if x in {", "if x not in {", MISS),
    Edit("a set in its code", "flow.py", '{"k", "l"}', '{"k", "m"}', MISS),
    Edit("a default", "flow.py", "lambda x: x * 3", "lambda x: x * 4", MISS),
    Edit("a function that it reads in a table", "flow.py", "return 2 * x", "return 3 * x", MISS),
    Edit(
        "another one in the table",
        "flow.py",
        "return x + 1\n\n\ndef made",
        "return x + 2\n\n\ndef made",
        MISS,
    ),
    Edit("a constant", "flow.py", "RATE = 3", "RATE = 4", MISS),
    Edit("a constant spelt otherwise", "flow.py", "RATE = 3", "RATE = 1 + 2", HIT),
    Edit("a constant set in another order", "flow.py", '{"b", "a", "c"}', '{"c", "a", "b"}', HIT),
    Edit("a member of a constant set", "flow.py", '{"b", "a", "c"}', '{"b", "a"}', MISS),
    Edit("a constant that it does not read", "flow.py", "UNUSED = 1", "UNUSED = 2", HIT),
    Edit(
        "a function that it does not call",
        "flow.py",
        "def unrelated(x):\n    return x",
        "def unrelated(x):\n    return 9",
        HIT,
    ),
    Edit("what it assigns itself", "flow.py", "COUNT = 0", "COUNT = 5", HIT),
    Edit("the value that a closure holds", "flow.py", "made(5)", "made(6)", MISS),
    Edit("the code of a closure", "flow.py", "return x + n", "return x - n", MISS),
    Edit("an argument of a partial", "flow.py", "scaled, by=2", "scaled, by=3", MISS),
    Edit("a task that it calls", "flow.py", "return x - 1", "return x - 2", MISS),
    Edit("the flow that calls it", "flow.py", "return work(1)", "return work(2)", HIT),
    Edit("a method of a class in an annotation", "flow.py", "self.x + RATE", "self.x - RATE", MISS),
    Edit("a field of that class", "flow.py", "x: int = 1", "x: int = 2", MISS),
    Edit(
        "the name of a task's argument",
        "flow.py",
        "def other(x):\n    return x",
        "def other(z):\n    return z",
        MISS,
    ),
    # in other files
    Edit(
        "a function that is imported by another name",
        "helpers.py",
        "return deeper(x)",
        "return -deeper(x)",
        MISS,
    ),
    Edit(
        "a function that this one calls",
        "helpers.py",
        "return min(x, LIMIT)",
        "return max(x, LIMIT)",
        MISS,
    ),
    Edit("a constant that this one reads", "helpers.py", "LIMIT = 10", "LIMIT = 11", MISS),
    Edit(
        "an attribute of an imported module",
        "helpers.py",
        "def tidy(x):\n    return x",
        "def tidy(x):\n    return 2 * x",
        MISS,
    ),
    Edit(
        "another attribute of it",
        "helpers.py",
        "def never(x):\n    return x",
        "def never(x):\n    return 2 * x",
        HIT,
    ),
    Edit("the function in a partial", "helpers.py", "return x * by", "return x / by", MISS),
    Edit("a cached function", "steps/shapes.py", "sum(SIDES) * x", "sum(SIDES) / x", MISS),
    Edit("a list that it reads", "steps/shapes.py", "[1, 2]", "[2, 1]", MISS),
    Edit(
        "its neighbour",
        "steps/shapes.py",
        "def volume(x):\n    return x",
        "def volume(x):\n    return 0",
        HIT,
    ),
    Edit(
        "a module that is imported inside",
        "steps/late.py",
        "return later.leave(x)",
        "return later.leave(-x)",
        MISS,
    ),
    Edit("what that one imports", "steps/later.py", "return x", "return -x", MISS),
    Edit(
        "the code of a decorator",
        "steps/decorators.py",
        "in range(times)",
        "in range(times + 1)",
        MISS,
    ),
    Edit("the argument of a decorator", "flow.py", "times=2", "times=3", MISS),
    Edit("the argument of an installed decorator", "flow.py", "times=7", "times=8", MISS),
    Edit("the function under it", "flow.py", "return x - 7", "return x - 8", MISS),
    # in classes of them
    Edit("a class variable", "steps/models.py", "price = 5", "price = 6", MISS),
    Edit(
        "a method of a base class",
        "steps/models.py",
        "return self.price *",
        "return self.price +",
        MISS,
    ),
    Edit("a property", "steps/models.py", '"open"', '"closed"', MISS),
    Edit("a member of an enumeration", "steps/models.py", "DEAR = 2", "DEAR = 3", MISS),
    Edit("a class that it does not use", "steps/models.py", "price = 7", "price = 8", HIT),
    # in installed packages
    Edit(
        "the version of a package",
        "site-packages/vendored-1.0.dist-info/METADATA",
        "Version: 1.0",
        "Version: 1.1",
        MISS,
    ),
    Edit(
        "the code of a package of one version",
        "site-packages/vendored/__init__.py",
        "return x",
        "return 2",
        HIT,
    ),
]

# Apart from the others because pydantic takes long to load.
MODELS = {
    "flow.py": """
import pydantic
from legato import task


def plain(n):
    return abs(n)


class Order(pydantic.BaseModel):
    model_config = {"extra": "forbid"}
    n: int = pydantic.Field(1, gt=0)
    tags: set[str] = {"b", "a", "c", "d"}

    @pydantic.field_validator("n")
    @classmethod
    def positive(cls, n):
        return plain(n)


@task
def work(order: Order):
    return order.n
"""
}
MODEL_EDITS = [
    Edit("nothing", "flow.py", "Order(", "Order(", HIT),
    Edit("a default", "flow.py", "Field(1", "Field(2", MISS),
    Edit("a bound", "flow.py", "gt=0", "gt=1", MISS),
    Edit("a type", "flow.py", "n: int", "n: float", MISS),
    Edit("a configuration", "flow.py", "forbid", "ignore", MISS),
    Edit("a validator", "flow.py", "return plain(n)", "return n", MISS),
    Edit("what a validator calls", "flow.py", "return abs(n)", "return n", MISS),
]

KEY = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from importlib import import_module
from legato._sdk.cache_policies import joined
from legato._sdk.code_closure import closure_parts
found = import_module("flow")
for name in sys.argv[3].split("."):
    found = getattr(found, name)
parts = closure_parts(found.fn)
print(json.dumps({"key": joined(parts), "parts": parts}))
"""


class Found(NamedTuple):
    key: str
    parts: dict[str, str]

    @property
    def not_covered(self) -> list[str]:
        return [name[12:] for name in self.parts if name.startswith("not covered:")]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def closure(folder: Path, name: str = "work", seed: str = "0") -> Found:
    """The key of a task of a project, made in a fresh interpreter."""
    ran = subprocess.run(
        [sys.executable, "-c", KEY, str(folder), str(folder / "site-packages"), name],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return Found(**json.loads(ran.stdout))


@pytest.fixture(scope="module")
def unedited(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return closure(write(tmp_path_factory.mktemp("unedited"), PROJECT))


@pytest.fixture(scope="module")
def unedited_model(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return closure(write(tmp_path_factory.mktemp("model"), MODELS))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.what}: {edit.expected}")
def test_an_edit_is_a_hit_or_a_miss(edit: Edit, unedited: Found, tmp_path: Path) -> None:
    assert hit_or_miss(PROJECT, edit, unedited, tmp_path) == edit.expected


@pytest.mark.parametrize("edit", MODEL_EDITS, ids=lambda edit: f"{edit.what}: {edit.expected}")
def test_an_edit_of_a_pydantic_model(edit: Edit, unedited_model: Found, tmp_path: Path) -> None:
    assert hit_or_miss(MODELS, edit, unedited_model, tmp_path) == edit.expected


def hit_or_miss(project: dict[str, str], edit: Edit, unedited: Found, folder: Path) -> str:
    text = project[edit.file]
    assert text.count(edit.old) == 1, "the edit must name one place"
    edited = {**project, edit.file: text.replace(edit.old, edit.new)}
    found = closure(write(folder, edited), seed="1")
    both = {*found.parts, *unedited.parts}
    print("changed:", [n for n in both if found.parts.get(n) != unedited.parts.get(n)])
    return HIT if found.key == unedited.key else MISS


def test_the_parts_name_what_is_covered_and_what_is_not(unedited: Found) -> None:
    assert {
        "code:flow.work",
        "code:flow.other",
        "code:flow.double",
        "code:helpers.deeper",
        "code:steps.later.leave",
        "code:steps.models.Shop",
        "value:flow.RATE",
        "value:helpers.LIMIT",
        "package:vendored",
        "python",
    } <= set(unedited.parts)
    assert unedited.parts["package:vendored"] == "1.0"
    assert not any("unrelated" in name or "never" in name for name in unedited.parts)
    assert unedited.not_covered == ["flow.LOCK", "flow.COUNT"]
    assert "_thread.lock" in unedited.parts["not covered:flow.LOCK"]


@pytest.mark.parametrize(
    ("line", "not_covered"),
    [
        ("getattr(x, 'a')", []),
        ("getattr(x, 'a', None)", []),
        ("getattr(x, 'a' + x)", ["getattr() with a name that is computed in flow.work"]),
        ("eval(x)", ["eval() in flow.work"]),
        ("exec(x)", ["exec() in flow.work"]),
        ("importlib.import_module(x)", ["import_module() in flow.work"]),
        ("__import__(x)", ["__import__() in flow.work"]),
        ("[eval(y) for y in x]", ["eval() in flow.work"]),
        ("helpers.eval(x)", []),
    ],
)
def test_what_cannot_be_followed_is_listed(
    line: str, not_covered: list[str], tmp_path: Path
) -> None:
    imports = "import importlib, helpers\nfrom legato import task\n"
    text = f"{imports}@task\ndef work(x):\n    return {line}\n"
    files = {"flow.py": text, "helpers.py": "def eval(x): return x\n"}
    assert closure(write(tmp_path, files)).not_covered == not_covered


def test_a_method_may_ask_anything_of_its_class(tmp_path: Path) -> None:
    def edited(old: str, new: str) -> str:
        files = {**PROJECT, "flow.py": PROJECT["flow.py"].replace(old, new)}
        return closure(write(tmp_path / new, files), "Job.run").key

    step = "def step(self, x):\n        return x "
    unedited = edited(f"{step}+ 1", f"{step}+ 1")
    assert edited(f"{step}+ 1", f"{step}+ 2") != unedited
    assert edited("self.x + RATE", "self.x") == unedited


def typed(text: str, names: dict[str, Any]) -> Any:
    """Run what is typed into a notebook."""
    exec(text, names)
    return closure_parts(names["work"])


def test_a_name_that_means_something_else_gives_another_key_at_once() -> None:
    names: dict[str, Any] = {"__name__": "typed"}
    first = typed("def help(): return 1\ndef work(): return help(), later()", names)
    assert typed("def help(): return 2", names) != first
    assert typed("def help(): return 1", names) == first
    assert typed("def later(): return 1", names) != first
    names["help"] = 7
    assert "value:typed.help" in typed("", names)


def test_functions_that_call_each_other_and_themselves_have_an_end() -> None:
    parts = typed(
        "def work(n): return other(n)\n"
        "def other(n): return work(n) + outer()(n)\n"
        "def outer():\n"
        "    def inner(n): return inner(n)\n"
        "    return inner\n"
        "HELD = outer()\n"
        "def other(n): return work(n) + HELD(n)\n",
        {"__name__": "typed"},
    )
    assert [name for name in parts if name.startswith("code:")] == [
        "code:typed.work",
        "code:typed.other",
        "code:typed.outer.<locals>.inner",
    ]


def test_a_task_of_that_policy_says_what_its_key_is_made_of() -> None:
    @task(cache_policy=INPUTS + CODE_CLOSURE)
    def work(x: int) -> Any:
        context = TaskRunContext.get()
        assert context is not None
        return key_of(context.task.cache_policy, context, context.parameters, {})

    found = work(1)
    label = f"code:{__name__}.{work.fn.__qualname__}"
    assert {"inputs.x", "python", label} <= set(found.parts)
    assert found.key == work(1).key != work(2).key
    assert found.spans_runs
