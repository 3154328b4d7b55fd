"""Fails three flows deep; with `logged` it only logs the exception."""

from __future__ import annotations

import sys

from legato import flow, get_run_logger, task


@task(retries=1)
def broken(n: int) -> float:
    marker = n
    return marker / 0  # the user's line


@flow
def lowest(n: int) -> float:
    return broken(n)


@flow
def middle(n: int) -> float:
    return lowest(n)


@flow
def top(n: int) -> float:
    return middle(n)


@flow
def logging(n: int) -> None:
    try:
        middle(n)
    except ZeroDivisionError:
        get_run_logger().exception("it failed")


def test_top() -> None:
    top(1)


if __name__ == "__main__":
    if sys.argv[1:] == ["logged"]:
        logging(1)
    elif sys.argv[1:] == ["chained"]:
        try:
            top(1)
        except ZeroDivisionError as error:
            raise ValueError("chained") from error
    else:
        top(1)
