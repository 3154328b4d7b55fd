"""Read a shop that is often out of order, all its pages at once, with retries.

The shop is `flaky_site.py` in this folder, started for the time of the run. A page that is out of
order (503) is asked again after a moment; a page that is gone (404) is not.

    python examples/scraper.py
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from flaky_site import running

from legato import flow, get_run_logger, task

if TYPE_CHECKING:
    from legato import State, Task
    from legato.client.schemas.objects import TaskRun


class Article(NamedTuple):
    """What a page says."""

    name: str
    price: float


def is_worth_a_retry(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether the server may answer better the next time."""
    try:
        state.result()
    except httpx.HTTPStatusError as error:
        return error.response.is_server_error
    except httpx.TransportError:
        return True
    return False


async def read(client: httpx.AsyncClient, path: str) -> str:
    """Get a page; a status that is not good raises."""
    answer = await client.get(path)
    answer.raise_for_status()
    return answer.text


@task
async def find_pages(client: httpx.AsyncClient) -> list[str]:
    """Return the paths of all articles."""
    return re.findall(r'href="(/articles/\d+)"', await read(client, "/"))


@task(
    task_run_name="scrape {path}",
    retries=3,
    retry_delay_seconds=[0.05, 0.1, 0.2],
    retry_condition_fn=is_worth_a_retry,
)
async def scrape(client: httpx.AsyncClient, path: str) -> Article:
    """Read one article."""
    text = await read(client, path)
    found = re.search(r"<h1>(.*)</h1>\s*<p class=\"price\">([\d.]+)</p>", text)
    if found is None:
        raise ValueError(f"{path} shows no article: {text!r}")
    return Article(found[1], float(found[2]))


@flow(name="scraper")
async def scraper(url: str) -> list[Article]:
    """Read all articles side by side; those that cannot be had are named and left out."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        paths = await find_pages(client)
        states = await asyncio.gather(*(scrape(client, path, return_state=True) for path in paths))
    for path, state in zip(paths, states, strict=True):
        if state.is_failed():
            get_run_logger().warning("%s left out: %s", path, state.message.splitlines()[0])
    return [state.result() for state in states if state.is_completed()]


if __name__ == "__main__":
    # httpx logs every request, also into the runs; here the retries are what is to be seen.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with running() as site:
        articles = asyncio.run(scraper(site.url))
        print(f"{len(articles)} articles for {sum(one.price for one in articles):.2f} together")
        print(site.counts())
