"""Hashes of values: by content, alike in every process, and never alike for different values."""

from __future__ import annotations

import datetime as dt
import functools
import os
import subprocess
import sys
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import msgspec
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legato._sdk.hashing import hash_value
from legato.exceptions import HashError
from legato.utilities.hashing import file_hash, hash_objects, stable_hash


class Colour(Enum):
    RED = 1
    BLUE = 2


class Size(Enum):
    RED = 1


class Rights(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: int
    y: int = 0
    seen: set[str] = field(default_factory=set)

    @functools.cached_property
    def norm(self) -> int:
        return self.x + self.y


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int


@attrs.define
class Attributes:
    x: int


class Model(pydantic.BaseModel):
    x: int
    tags: set[str] = set()


class Packed(msgspec.Struct):
    x: int


class Plain:
    def __init__(self, x: Any) -> None:
        self.x = x


class Child(Plain):
    pass


class Pair(NamedTuple):
    a: int
    b: int


def adder(n: int) -> Any:
    return lambda x: x + n


def scaled(x: int, by: int = 2) -> int:
    return x * by


def countdown() -> Any:
    def count(n: int) -> int:
        return count(n - 1) if n else 0

    return count


ARRAY = np.arange(6)
LOCK: Any = threading.Lock()
PARIS = ZoneInfo("Europe/Paris")


# fmt: off
def plain_values() -> list[Any]:
    return [
        1, 1.0, True, "1", b"1", None, "None", 0, False, "", b"", -1, 2**70, 10**5000, 10**5000 + 1,
        0.5, float("nan"), float("inf"), 1j, 1.5j, "\ud800", range(3), range(1, 3), slice(1, 3),
        ..., NotImplemented, dt.date(2026, 1, 2), dt.time(1, 2), dt.timedelta(seconds=1),
        dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=PARIS), PARIS,
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=0),
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=1),
        Decimal(1), Decimal("1.0"), Fraction(1, 2), UUID(int=1), UUID(int=2), Path("a"), Path("b"),
    ]


def containers() -> list[Any]:
    return [
        [], {}, (), set(), frozenset(), bytearray(b"1"), [1], [[1]], [1, 2], [2, 1], [12], (1, 2),
        {1, 2}, frozenset({1, 2}), {1: 2}, {"1": 2}, {2: 1}, {True: 2}, [10**5000], {"a": 10**5000},
        {"a": {"b": 10**5000}}, ["ab"], ["a", "b"], ["a,b"], {"a": 1, "b": 2}, {"a": 2, "b": 1},
        {"a": [1, {"b": (2, 3)}]}, {("a", 1): "x", 2: "y"}, {1, "a", None}, {True, 2},
        {frozenset({1}), frozenset({2})}, OrderedDict(a=1, b=2), OrderedDict(b=2, a=1),
        defaultdict(int, a=1), defaultdict(list, a=1), deque([1, 2]), deque([1, 2], 5), Pair(1, 2),
        Pair(2, 1),
    ]


def objects() -> list[Any]:
    return [
        Colour.RED, Colour.BLUE, Size.RED, Rights.READ, Rights.WRITE, Rights.READ | Rights.WRITE,
        Rights(0), Point(1, 2), Point(2, 1), Slotted(1), Attributes(1), Attributes(2), Packed(1),
        Packed(2), Model(x=1), Model(x=2), Model(x=1, tags={"a"}), Plain(1), Plain(2), Plain([1]),
        Child(1), ValueError("a"), ValueError("b"), Colour, Plain, Child, int, os.path,
    ]


def functions() -> list[Any]:
    return [
        adder(1), adder(2), scaled, countdown(), functools.partial(scaled, 1),
        functools.partial(scaled, by=1), print, len, str.upper, [].append, Plain(1).__init__,
    ]


def arrays() -> list[Any]:
    return [
        ARRAY, ARRAY + 1, ARRAY.astype("i4"), ARRAY.astype("M8[D]"), ARRAY.reshape(2, 3),
        ARRAY.reshape(3, 2), np.array([1, "a", None], dtype=object), np.array(1), np.array(["a"]),
        np.array([1, "b", None], dtype=object), np.array([], dtype="i8"), np.float64(1),
        np.float32(1), np.dtype("f8"), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("c", "f8")]),
        np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0]),
    ]
# fmt: on


def values() -> list[Any]:
    """Make values anew; no two of them are the same."""
    return plain_values() + containers() + objects() + functions() + arrays()


def test_a_value_made_twice_has_one_hash() -> None:
    for one, other in zip(values(), values(), strict=True):
        assert hash_value(one) == hash_value(other), one


def test_different_values_have_different_hashes() -> None:
    hashed = [(hash_value(value), value) for value in values()]
    assert [pair for pair in combinations(hashed, 2) if pair[0][0] == pair[1][0]] == []


PROCESS = """
import sys
from tests.sdk.test_hashing import values
from legato import task
from legato._sdk.hashing import hash_value
extra = {"%d" % n: {str(m) for m in range(n)} for n in range(20)}, lambda x: x in {"a", "b", "c"}
for value in [*values(), *extra]:
    print(hash_value(value))
print(task(lambda x: x in {"a", ("b", 1), "c"}).task_key)
"""


def test_processes_agree_whatever_their_hash_seed() -> None:
    """The order of sets, the addresses of objects and the order of imports differ between them."""
    run = [
        subprocess.run(
            [sys.executable, "-c", f"{first}\n{PROCESS}"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for first, seed in [("", "1"), ("import email, decimal", "2")]
    ]
    assert len(run[0]) == len(values()) + 3
    assert run[0] == run[1]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


def exact(value: Any) -> str:
    """A text that is the same for the same values only, whatever the order of a dict."""
    if isinstance(value, dict):
        return f"{{{sorted((exact(k), exact(v)) for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{[exact(item) for item in value]}]"
    return repr(value)


@settings(max_examples=60)
@given(NESTED, NESTED)
def test_values_have_one_hash_exactly_when_they_are_one_value(one: Any, other: Any) -> None:
    assert (hash_value(one) == hash_value(other)) == (exact(one) == exact(other))


@settings(max_examples=60)
@given(st.dictionaries(st.text(), NESTED), st.randoms())
def test_the_order_of_a_dict_does_not_count(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert hash_value(value) == hash_value(dict(items))


def test_equal_values_that_lie_in_memory_in_another_way_have_one_hash() -> None:
    assert hash_value(ARRAY.reshape(2, 3)) == hash_value(np.asfortranarray(ARRAY.reshape(2, 3)))
    assert hash_value(ARRAY[::2]) == hash_value(ARRAY[::2].copy())
    one = "ab" * 9
    other = one[:9] + one[9:]
    assert one is not other
    assert hash_value([Plain(one), Plain(one)]) == hash_value([Plain(one), Plain(other)])
    point = Point(1, 2)
    assert point.norm == 3
    assert hash_value(point) == hash_value(Point(1, 2))


def cyclic() -> list[Any]:
    items: list[Any] = [1]
    items.append({"self": items})
    return items


def deep() -> Any:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (threading.Lock(), "it is a _thread.lock, which has no content to hash: cannot pickle"),
        ({"rows": [1, Plain({2: threading.Lock()})]}, "it['rows'][1].x[2] is a _thread.lock"),
        ([{threading.current_thread()}], "it[0] (a member)"),
        (cyclic(), "it[1]['self'] is a builtins.list, which has no content to hash: it contains"),
        (deep(), "it is nested too deeply to be hashed"),
        ((n for n in [1]), "it is a builtins.generator"),
        (adder(LOCK), "it (its variable n) is a _thread.lock"),
    ],
    ids=["lock", "inside", "set", "cycle", "deep", "generator", "closure"],
)
def test_what_has_no_content_is_an_error_that_says_where_it_stands(value: Any, said: str) -> None:
    with pytest.raises(HashError) as caught:
        hash_value(value, "it")
    assert str(caught.value).startswith(said)


def test_hash_objects_returns_none_for_what_has_no_content_or_raises() -> None:
    assert hash_objects(threading.Lock()) is None
    with pytest.raises(HashError, match=r"^lock is a _thread.lock"):
        hash_objects(lock=threading.Lock(), raise_on_failure=True)
    assert hash_objects(1, a=2) == hash_objects(1, a=2) != hash_objects(1, b=2)


def test_stable_hash_tells_text_bytes_and_numbers_apart(tmp_path: Path) -> None:
    assert len({stable_hash("1"), stable_hash(b"1"), stable_hash(1), stable_hash("1", "")}) == 4
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"same")
    (tmp_path / "c").write_bytes(b"other")
    a, b, c = (file_hash(str(tmp_path / name)) for name in "abc")
    assert a == b != c
