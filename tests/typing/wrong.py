"""Mistakes that the type checkers must find, on the line where they are; never run.

`# names: x`: the message says which argument it is. `# wrong`: the line is enough,
as not every checker names a parameter where there is one signature only, or no argument.
"""

from __future__ import annotations

from collections.abc import Generator

from legato import Task, flow, get_client, tags, task, unmapped
from legato.cache_policies import INPUTS, RUN_ID
from legato.concurrency.sync import concurrency, rate_limit
from legato.futures import as_completed
from legato.runtime import flow_run
from legato.variables import Variable


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@task
def numbers(n: int) -> Generator[int, None, None]:
    yield n


@flow
def calculate(x: int, *, scale: float = 1.0) -> float:
    return x * scale


class Shop:
    @task
    def price(self, item: str) -> float:
        return len(item) / 2

    @task
    @classmethod
    def named(cls, title: str) -> str:
        return title

    @flow
    @staticmethod
    def vat(net: float) -> float:
        return net * 0.2


async def arguments() -> None:
    add("one")  # names: "a"
    add(1, b="two")  # names: "b"
    add(1, None)  # names: "b"
    calculate("one")  # names: "x"
    calculate(1, scale="big")  # names: "scale"
    await fetch(5)  # names: "url"
    numbers("two")  # names: "n"
    add.fn("one")  # wrong
    add.with_options(retries=1)("one")  # names: "a"
    add.state("one")  # wrong
    add.after(add.submit(1)).submit("one")  # wrong
    add.after(add.submit(1))("one")  # wrong
    calculate.generate_mermaid_graph("one")  # wrong
    calculate()  # wrong


def of_methods(shop: Shop) -> None:
    shop.price(5)  # names: "item"
    shop.named(5)  # names: "title"
    Shop.named(5)  # names: "title"
    shop.vat("much")  # names: "net"
    Shop.vat("much")  # names: "net"
    Shop.price("a", "b")  # wrong
    shop.price()  # wrong


def of_options(shop: Shop) -> None:
    task(retries="many")(add.fn)  # names: "retries"
    flow(timeout_seconds="long")(add.fn)  # names: "timeout_seconds"
    add.with_options(tags=5)  # names: "tags"
    task(cache_policy="INPUTS")(add.fn)  # names: "cache_policy"
    task(cache_key_fn=5)(add.fn)  # names: "cache_key_fn"
    task(cache_expiration="1h")(add.fn)  # names: "cache_expiration"
    add.with_options(refresh_cache="yes")  # names: "refresh_cache"
    INPUTS - 5  # wrong
    RUN_ID + "x"  # wrong
    task(retry=3)  # wrong
    flow(5)  # wrong
    tags(5)  # wrong
    concurrency(5)  # wrong
    rate_limit("api", occupy="all")  # names: "occupy"
    Variable.set(5, 5)  # wrong
    get_client(sync_client="yes")  # wrong
    unmapped()  # names: "value"


async def results() -> None:
    text: str = add(1)  # wrong
    text = add.submit(1).result()  # wrong
    text = add(1, return_state=True).result()  # wrong
    text = add.map([1]).result()  # wrong
    text = await fetch.submit("x")  # wrong
    text = (await fetch("x")).upper().encode()  # wrong
    text = numbers.submit(1).result()  # wrong
    text = [f.result() for f in as_completed(add.map([1]))]  # wrong
    await add(1)  # wrong
    await calculate(1)  # wrong
    print(text, fetch("x").decode())  # wrong


def attributes() -> None:
    add.sumbit(1)  # wrong
    add.submit(1).reslut()  # wrong
    print(flow_run.nmae)  # wrong
    add(1, return_state=True).is_complete()  # wrong
    other: Task[[str], int] = add  # wrong
    print(other)
