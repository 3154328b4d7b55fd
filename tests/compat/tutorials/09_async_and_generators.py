"""Async flows with gather, and tasks and flows that yield."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.concurrency.asyncio import concurrency
from prefect.variables import Variable


@task(retries=2)
async def fetch(page: int, seen: dict[int, int]) -> str:
    seen[page] = seen.get(page, 0) + 1
    await asyncio.sleep(0.001 * (5 - page))
    if page == 3 and seen[page] == 1:
        raise ConnectionError("page 3 is shy")
    return f"page {page}"


@task
def count_words(text: str) -> int:
    return len(text.split())


@task
async def guarded(name: str) -> str:
    async with concurrency("nobody-made-this"):
        await asyncio.sleep(0)
        return f"{name} guarded"


@task(timeout_seconds=0.05)
async def too_slow() -> None:
    await asyncio.sleep(30)


@flow
async def subflow(name: str) -> str:
    await asyncio.sleep(0.001)
    return f"subflow {name}"


@flow
async def crawl(pages: int) -> list[str]:
    get_run_logger().info("an async flow")
    seen: dict[int, int] = {}
    texts = await asyncio.gather(*(fetch(page, seen) for page in range(1, pages + 1)))
    print("gathered:", texts, "page 3 asked", seen[3], "times")
    print("a sync task in an async flow:", [count_words(text) for text in texts])
    mixed = await asyncio.gather(fetch(1, seen), fetch("x", seen), return_exceptions=True)
    print("mixed:", mixed[0], "and", type(mixed[1]).__name__)
    print(await asyncio.gather(guarded("a"), guarded("b"), subflow("c")))
    state = await fetch(2, seen, return_state=True)
    print("state:", state.name, await state.aresult())
    state = await too_slow(return_state=True)
    print("timed out:", state.name, state.is_failed())
    await Variable.aset("pages", pages, overwrite=True)
    await acreate_markdown_artifact(key="crawl", markdown="done")
    print("variable:", await Variable.aget("pages"))
    futures = count_words.map(texts)
    print("mapped in an async flow:", [future.result() for future in futures])
    return texts


@task
def numbers(n: int) -> Iterator[int]:
    for number in range(n):
        yield 2 * number
    return "not seen"


@flow
def flow_that_yields(n: int) -> Iterator[str]:
    for number in numbers(n):
        print("about to yield", number)
        yield f"item {number}"


@task
async def countdown(start: int) -> AsyncIterator[int]:
    while start:
        yield start
        start -= 1
        await asyncio.sleep(0)


@flow
async def async_flow_that_yields() -> AsyncIterator[int]:
    async for number in countdown(3):
        yield number * 10


async def main() -> None:
    print(len(await crawl(4)))
    print([value async for value in async_flow_that_yields()])
    states = await asyncio.gather(*(subflow(str(n), return_state=True) for n in range(3)))
    print([state.name for state in states], [await state.aresult() for state in states])


if __name__ == "__main__":
    asyncio.run(main())
    for item in flow_that_yields(3):
        print("got", item)
    print(next(iter(flow_that_yields(1))))
