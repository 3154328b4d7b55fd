"""What tools see of a flow or a task is the user's function."""

from __future__ import annotations

import asyncio
import doctest
import functools
import inspect
import pydoc
import sys
import typing
from collections.abc import AsyncIterator, Iterator

import pytest

from legato import Flow, Task, flow, task


def price(item: str, *, vat: float = 0.2) -> float:
    """Return the price of an item."""
    return len(item) * (1 + vat)


async def fetch(url: str) -> bytes:
    return url.encode()


def numbers(n: int) -> Iterator[int]:
    yield n


async def anumbers(n: int) -> AsyncIterator[int]:
    yield n


@task
def counted(n: int) -> int:
    """Count.

    >>> counted.fn(1)
    2
    """
    return n + 1


class Shop:
    """A shop."""

    @task
    def sell(self, item: str) -> int:
        """Sell an item."""
        return len(item)

    @flow
    @classmethod
    def opened(cls, day: str = "today") -> str:
        """Tell when it was opened."""
        return day

    @task
    @staticmethod
    def total(nets: list[float]) -> float:
        """Sum up."""
        return sum(nets)


BOTH = pytest.mark.parametrize("decorate", [flow, task, flow(name="x"), task(retries=2)])


@BOTH
def test_signature_source_and_docs_are_those_of_the_function(decorate) -> None:
    made = decorate(price)
    assert inspect.signature(made) == inspect.signature(price)
    assert inspect.getsource(made) == inspect.getsource(price)
    assert made.__wrapped__ is price
    assert made.__doc__ == inspect.getdoc(made) == price.__doc__
    assert (made.__name__, made.__module__, made.__qualname__) == (
        price.__name__,
        price.__module__,
        price.__qualname__,
    )
    assert made.__annotations__ == price.__annotations__
    expected = {"item": str, "vat": float, "return": float}
    assert typing.get_type_hints(made) == typing.get_type_hints(price) == expected
    shown = pydoc.plain(pydoc.render_doc(made))
    assert "price(item: 'str', *, vat: 'float' = 0.2) -> 'float'" in shown
    assert "Return the price of an item." in shown


@BOTH
def test_inspect_tells_the_colour(decorate) -> None:
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    for fn in (price, fetch, numbers, anumbers):
        made = decorate(fn)
        assert [is_kind(made) for is_kind in kinds] == [is_kind(fn) for is_kind in kinds]
        assert asyncio.iscoroutinefunction(made) is (fn is fetch)
        bound = functools.partial(made, 1)
        assert inspect.iscoroutinefunction(bound) is (fn is fetch)


def test_the_classes_themselves_are_no_functions() -> None:
    for kind in (Flow, Task):
        assert not inspect.iscoroutinefunction(kind)
        assert list(inspect.signature(kind).parameters) == ["fn", "options"]
        assert "call it as the function" in pydoc.render_doc(kind)


def test_a_partial_of_a_task_lacks_what_is_given() -> None:
    assert str(inspect.signature(functools.partial(task(price), "tea"))) == (
        "(*, vat: 'float' = 0.2) -> 'float'"
    )


def test_a_bound_method_shows_what_is_left_to_give() -> None:
    shop = Shop()
    assert list(inspect.signature(shop.sell).parameters) == ["item"]
    assert list(inspect.signature(Shop.sell).parameters) == ["self", "item"]
    assert list(inspect.signature(Shop.opened).parameters) == ["day"]
    assert list(inspect.signature(shop.total).parameters) == ["nets"]
    assert list(inspect.signature(shop.sell.with_options(name="x")).parameters) == ["item"]
    assert inspect.getdoc(shop.sell) == "Sell an item."
    assert "def sell(self" in inspect.getsource(shop.sell)
    shown = pydoc.plain(pydoc.render_doc(Shop))
    for line in ("sell(self, item: 'str') -> 'int'", "opened(day", "total(nets", "Sum up."):
        assert line in shown


def test_examples_in_docstrings_of_tasks_are_found_and_run() -> None:
    tests = doctest.DocTestFinder().find(sys.modules[__name__], globs=globals())
    [found] = [test for test in tests if test.name.endswith(".counted")]
    assert doctest.DocTestRunner(verbose=False).run(found) == (0, 1)
