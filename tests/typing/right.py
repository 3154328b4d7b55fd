"""What the type checkers make of flows and tasks that are used rightly; never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from datetime import timedelta
from typing import Any, assert_type

from legato import Flow, State, Task, flow, task
from legato.cache_policies import CODE_CLOSURE, INPUTS


@task
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@task(retries=2, retry_delay_seconds=[1, 2], tags=["x"])
def shout(text: str, *, times: int = 1) -> str:
    return text * times


@task(
    cache_policy=INPUTS + CODE_CLOSURE - "times",
    cache_expiration=timedelta(days=1),
    refresh_cache=False,
)
def whisper(text: str, times: int = 1) -> str:
    return text * times


@task(cache_key_fn=lambda context, parameters: parameters["url"], cache_expiration=60)
async def fetch(url: str) -> bytes:
    return url.encode()


@task
def numbers(n: int) -> Generator[int, None, None]:
    yield n


@task
async def anumbers(n: int) -> AsyncGenerator[int, None]:
    yield n


@flow
def calculate(x: int) -> float:
    return add(x) / 2


@flow(name="load", retries=1, timeout_seconds=5)
async def load(url: str) -> int:
    return len(await fetch(url))


@flow
def nothing() -> None: ...


@flow
def pages(n: int) -> Generator[str, int, bool]:
    yield "x" * n
    return True


@flow
async def apages(n: int) -> AsyncGenerator[str, None]:
    yield "x" * n


class Shop:
    @task
    def price(self, item: str, count: int = 1) -> float:
        return self.rate() * len(item) * count

    @task(retries=1)
    async def order(self, item: str) -> int:
        return len(item)

    @task
    def rate(self) -> float:
        return 0.5

    @task
    @classmethod
    def named(cls, name: str) -> list[str]:
        return [name]

    @task(retries=1)
    @staticmethod
    def vat(net: float) -> float:
        return net * 0.2

    @task
    @staticmethod
    def opened() -> bool:
        return True

    @flow
    def sell(self, item: str) -> float:
        return self.price(item) + self.vat(1)

    @flow(name="audit")
    @classmethod
    async def audit(cls, year: int) -> list[str]:
        return cls.named(str(year))

    @flow
    @staticmethod
    def total(nets: list[float]) -> float:
        return sum(nets)


class Corner(Shop): ...


def tasks() -> None:
    assert_type(add(1), int)
    assert_type(add(1, 2), int)
    assert_type(add(a=1, b=2), int)
    assert_type(add.fn(1, 2), int)
    assert_type(shout("a", times=2), str)
    assert_type(add(1, return_state=True), State[int])
    assert_type(add(1, wait_for=[add(2)]), int)
    assert_type(add.with_options(name="other")(3), int)
    assert_type(shout.with_options(retries=0)("a"), str)
    assert_type(numbers(2), Generator[int, None, None])
    assert_type(list(numbers(2)), list[int])
    assert_type(anumbers(2), AsyncGenerator[int, None])
    assert_type(add.name, str)
    assert_type(add.isasync, bool)
    assert_type(add.tags, frozenset[str])
    assert_type(add(1, return_state=True).is_completed(), bool)
    assert_type(add(1, return_state=True).result(), int)


async def atasks() -> None:
    assert_type(await fetch("x"), bytes)
    later: Coroutine[Any, Any, bytes] = fetch("x")
    assert_type(await later, bytes)
    assert_type(await fetch("x", return_state=True), State[bytes])
    assert_type(await fetch.fn("x"), bytes)
    assert_type(await fetch.with_options(retries=3)("x"), bytes)
    assert_type([n async for n in anumbers(1)], list[int])


def flows() -> None:
    assert_type(calculate(1), float)
    assert_type(calculate(x=1), float)
    assert_type(calculate.fn(1), float)
    assert_type(calculate(1, return_state=True), State[float])
    assert_type(calculate.with_options(retries=1)(1), float)
    assert_type(calculate.version, str)
    assert_type(calculate.validate_parameters({"x": 1}), dict[str, Any])
    assert_type(nothing(return_state=True), State[None])
    wanted: Callable[[int], float] = calculate
    assert_type(wanted(1), float)


async def aflows() -> None:
    assert_type(await load("x"), int)
    assert_type(await load("x", return_state=True), State[int])
    assert_type(await load.with_options(name="x")("y"), int)


def generators() -> None:
    assert_type(pages(1), Generator[str, int, bool])
    assert_type(next(pages(1)), str)
    assert_type(pages.with_options(retries=1)(1), Generator[str, int, bool])
    assert_type(apages(1), AsyncGenerator[str, None])


def decorators(fn: Callable[[int], str]) -> None:
    assert_type(flow(fn), Flow[[int], str])
    assert_type(task(fn), Task[[int], str])
    assert_type(flow(name="a")(fn), Flow[[int], str])
    assert_type(task(retries=1)(fn)(1), str)
    assert_type(flow(retries=1)(add.fn)(1), int)


async def methods(shop: Shop, corner: Corner) -> None:
    assert_type(shop.price("a"), float)
    assert_type(shop.price("a", count=2), float)
    assert_type(corner.price("a"), float)
    assert_type(Shop.price(shop, "a"), float)
    assert_type(Shop.price(corner, "a"), float)
    assert_type(shop.rate(), float)
    assert_type(await shop.order("a"), int)
    assert_type(await corner.order("a"), int)
    assert_type(shop.named("a"), list[str])
    assert_type(Shop.named("a"), list[str])
    assert_type(Corner.named("a"), list[str])
    assert_type(shop.vat(1.5), float)
    assert_type(Shop.vat(1.5), float)
    assert_type(corner.vat(net=1.5), float)
    assert_type(shop.opened(), bool)
    assert_type(Shop.opened(), bool)
    assert_type(shop.sell("a"), float)
    assert_type(shop.sell.with_options(retries=1)("a"), float)
    assert_type(await Shop.audit(2026), list[str])
    assert_type(await corner.audit(2026), list[str])
    assert_type(Shop.total([1.5]), float)
    assert_type(shop.price.with_options(name="x")("a"), float)


def names(shop: Shop) -> None:
    assert_type(shop.price.name, str)
    assert_type(Shop.price.name, str)
    assert_type(Shop.price.fn(shop, "a"), float)
