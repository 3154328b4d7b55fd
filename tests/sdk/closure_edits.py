"""Projects, and edits of them: whether the key of the task `work` is another one after each."""

from __future__ import annotations

from typing import NamedTuple

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


@vendored.named
def called(x):
    return x - 8


@functools.singledispatch
def kind(x):
    return x - 9


@kind.register
def kind_of_int(x: int):
    return x - 20


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
    z = other(x), arrive(x), shop.sell(), retried(x), called(x), kind(x)
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
import functools

def f(x):
    return x


def again(times):
    def decorate(fn):
        def wrapper(*args):
            return [fn(*args) for _ in range(times)]

        return wrapper

    return decorate


def named(fn):
    @functools.wraps(fn)
    def wrapper(*args):
        return fn(*args)

    return wrapper
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
    Edit("the function under it", "flow.py", "return x - 7", "return x - 0", MISS),
    Edit("the function under a named one", "flow.py", "return x - 8", "return x - 0", MISS),
    Edit("a generic function", "flow.py", "return x - 9", "return x - 0", MISS),
    Edit("what it does with a type", "flow.py", "return x - 20", "return x - 0", MISS),
    Edit("the type", "flow.py", "kind_of_int(x: int)", "kind_of_int(x: float)", MISS),
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
