"""Tasks side by side: submit, map, unmapped, futures, as_completed, wait."""

import time

from prefect import flow, task, unmapped
from prefect.futures import PrefectFuture, as_completed, wait


@task
def square(number: int) -> int:
    return number * number


@task
def power(base: int, exponent: int) -> int:
    return base**exponent


@task
def add_all(numbers: list[int], bonus: int = 0) -> int:
    return sum(numbers) + bonus


@task
def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@task
def log_order(order: list[str], name: str) -> str:
    order.append(name)
    return name


@flow
def parallel(numbers: list[int]) -> dict[str, object]:
    first: PrefectFuture[int] = square.submit(numbers[0])
    print("a future:", isinstance(first, PrefectFuture), first.result(), first.state.name)

    squares = square.map(numbers)
    print("squares:", squares.result(), len(squares), [f.result() for f in squares])

    print("powers:", power.map(numbers, exponent=unmapped(3)).result())
    print("pairs:", power.map([2, 3], [10, 2]).result())
    print("constants are not mapped:", power.map(numbers, 2).result())

    total = add_all.submit(squares, bonus=first)
    print("futures as arguments:", total.result())
    print("a chain of maps:", square.map(square.map(numbers)).result())

    done = sorted(future.result() for future in as_completed(square.map(numbers)))
    print("as completed:", done)

    futures = [slow.submit(0.0), slow.submit(0.01)]
    done, not_done = wait(futures)
    print("waited:", len(done), "done,", len(not_done), "not done")

    order: list[str] = []
    late = slow.submit(0.02)
    after = log_order.submit(order, "after", wait_for=[late])
    after.wait()
    print("wait_for:", late.state.is_completed(), after.result())

    names: list[str] = []
    finished = square.submit(9)
    finished.add_done_callback(lambda future: names.append("called"))
    finished.wait()
    return {"sum": total.result(), "max": max(squares.result())}


if __name__ == "__main__":
    print(parallel([1, 2, 3, 4]))
    # Tasks can be submitted without a flow, too.
    print(square(11))
