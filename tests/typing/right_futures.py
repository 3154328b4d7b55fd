"""What the type checkers make of submitted and mapped tasks; never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from typing import Any, assert_type

from legato import State, allow_failure, task, unmapped
from legato.futures import DoneAndNotDoneFutures, Future, FutureList, as_completed, wait
from legato.utilities.annotations import quote


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@task
def numbers(n: int) -> Generator[int, None, str]:
    yield n
    return "end"


@task
def lines(n: int) -> Iterator[str]:
    yield "x" * n


@task
async def anumbers(n: int) -> AsyncIterator[int]:
    yield n


@task
def evens(n: int) -> Iterable[int]:
    return range(0, n, 2)


class Shop:
    @task
    def price(self, item: str) -> float:
        return len(item) / 2

    @task
    async def order(self, item: str) -> int:
        return len(item)

    @task
    @staticmethod
    def vat(net: float) -> float:
        return net * 0.2


def submitted(shop: Shop) -> None:
    assert_type(add.submit(1), Future[int])
    assert_type(add.submit(a=1, b=2), Future[int])
    assert_type(fetch.submit("x"), Future[bytes])
    assert_type(shop.price.submit("a"), Future[float])
    assert_type(shop.order.submit("a"), Future[int])
    assert_type(Shop.vat.submit(1.5), Future[float])
    assert_type(add.submit(1, wait_for=[fetch.submit("x")]), Future[int])
    assert_type(fetch.submit("x", wait_for=[add.submit(1)]), Future[bytes])
    assert_type(add.submit(1, return_state=True), State[int])
    assert_type(fetch.submit("x", return_state=True), State[bytes])
    assert_type(add.with_options(retries=1).submit(1), Future[int])


def chained() -> None:
    first = add.submit(1)
    assert_type(add.submit(first), Future[int])
    assert_type(add.submit(first, b=first), Future[int])
    assert_type(add.submit(allow_failure(first)), Future[int])
    assert_type(add.submit(quote(1)), Future[int])
    assert_type(add(1, wait_for=[first]), int)
    assert_type(add.after(first).submit(2), Future[int])
    assert_type(add.after(first, [first])(2), int)
    assert_type(add.after(first).state(2), State[int])
    assert_type(fetch.after(first).submit("x"), Future[bytes])
    assert_type(numbers.after(first).submit(2), Future[list[int]])
    assert_type(add.after(first).map([1, 2]), FutureList[int])
    assert_type(fetch.after(first).map(["x"]), FutureList[bytes])


def generated() -> None:
    assert_type(numbers.submit(2), Future[list[int]])
    assert_type(lines.submit(2).result(), list[str])
    assert_type(anumbers.submit(2).result(), list[int])
    assert_type(evens.submit(2), Future[Iterable[int]])
    assert_type(numbers.map([1, 2]), FutureList[list[int]])
    assert_type(numbers.submit(2, return_state=True), State[list[int]])


def mapped() -> None:
    assert_type(add.map([1, 2]), FutureList[int])
    assert_type(add.map([1, 2], unmapped(3)), FutureList[int])
    assert_type(add.map([1, 2], b=unmapped(3)).result(), list[int])
    assert_type(fetch.map(["x", "y"]), FutureList[bytes])
    assert_type(add.map([1, 2], return_state=True), list[State[int]])
    assert_type(add.map([1], wait_for=[add.submit(1)])[0], Future[int])
    assert_type(Shop().price.map(["a", "b"]), FutureList[float])


def futures() -> None:
    future = add.submit(1)
    assert_type(future.result(), int)
    assert_type(future.result(timeout=5), int)
    assert_type(future.result(raise_on_failure=False), int | BaseException)
    assert_type(future.state, State[int])
    assert_type(future.state.result(), int)
    assert_type(future.state.result(raise_on_failure=False), int | BaseException)
    assert_type(wait([future]), DoneAndNotDoneFutures)
    assert_type(wait([future]).done, set[Future[Any]])
    assert_type([f.result() for f in as_completed([future])], list[int])
    future.add_done_callback(lambda ended: print(ended.result()))


async def afutures() -> None:
    assert_type(await add.submit(1), int)
    assert_type(await fetch.submit("x"), bytes)
    assert_type(await anumbers.submit(1), list[int])
    assert_type(await add.map([1, 2]), list[int])
    assert_type([await f async for f in as_completed(add.map([1]))], list[int])


def states() -> None:
    assert_type(add.state(1), State[int])
    assert_type(add.state(1).result(), int)


async def astates() -> None:
    assert_type(await fetch.state("x"), State[bytes])
    assert_type((await fetch.state("x")).result(), bytes)
    assert_type(await fetch.after(add.submit(1)).state("x"), State[bytes])
