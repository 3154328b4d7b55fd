"""A script as people write it: no `if __name__ == "__main__"`, classes and tasks of its own."""

from __future__ import annotations

from dataclasses import dataclass

from legato import flow, task
from legato.task_runners import ProcessPoolTaskRunner


@dataclass
class Point:
    x: int


def square(x: int) -> int:
    return x * x


@task
def squared(x: int) -> int:
    return square(x)


@task
def moved(point: Point) -> Point:
    return Point(point.x + 1)


@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
def job() -> None:
    point = moved.submit(Point(1)).result()
    assert type(point) is Point
    print(squared.map([1, 2, 3]).result(), point)


job()
