"""What to do about failures: allow_failure, quote, timeouts, and where tasks run."""

import os
import threading

from prefect import allow_failure, flow, task
from prefect.states import State
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import quote


@task
def extract(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


@task
def clean_up(result) -> str:
    return f"cleaned up after {type(result).__name__}: {result}"


@task
def double(number: int) -> int:
    return number * 2


@task
def length(items) -> str:
    return f"{type(items).__name__} of {len(items)}"


@task
def where() -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name


@flow
def upstream_failures() -> None:
    bad = extract.submit(3)
    below = double.submit(bad)
    below.wait()
    print("downstream of a failure:", below.state.name, below.state.type.value)
    print(clean_up.submit(allow_failure(bad)).result())
    print(clean_up(allow_failure(extract.submit(4))))
    states = extract.map([1, 2, 3, 4], return_state=True)
    print([state.name for state in states])
    good = [state.result() for state in states if state.is_completed()]
    errors = [str(state.result(raise_on_failure=False)) for state in states if state.is_failed()]
    print(good, errors)
    print(length(quote([1, 2, 3])), length.submit(quote((1, 2))).result())


@flow(timeout_seconds=0.1)
def out_of_time() -> None:
    threading.Event().wait(5)


@flow
def fails_after_tasks() -> None:
    futures = extract.map([2, 3])
    futures.result()


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def in_threads() -> None:
    found = [future.result() for future in [where.submit() for _ in range(4)]]
    print("own process:", {pid == os.getpid() for pid, _ in found})
    print("own thread:", any(name == threading.current_thread().name for _, name in found))
    print(double.map(range(5)).result())


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def in_processes() -> None:
    pid, _ = where.submit().result()
    print("another process:", pid != os.getpid())
    print(double.map([1, 2]).result())


def final(title: str, state: State) -> None:
    print(f"{title}: {state.name}, {state.type.value}")


if __name__ == "__main__":
    upstream_failures()
    final("out of time", out_of_time(return_state=True))
    final("fails", fails_after_tasks(return_state=True))
    try:
        fails_after_tasks()
    except ValueError as error:
        print("raised:", error)
    in_threads()
    in_processes()
    swapped = in_threads.with_options(task_runner=ThreadPoolTaskRunner(max_workers=1))
    print(type(swapped.task_runner).__name__)
