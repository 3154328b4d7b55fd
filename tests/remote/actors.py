"""Scripts that record through a server."""

RUN = """
import sys
from legato import flow, task, get_run_logger

@task
def add(n: int) -> int:
    return n + 1

@task
def breaks() -> None:
    raise ValueError("no")

@flow
def part(n: int) -> int:
    get_run_logger().info("part %s", n)
    return add(n)

@flow
def whole(count: int) -> int:
    futures = [add.submit(n) for n in range(count)]
    print("submitted", flush=True)
    if "halfway" in sys.argv:
        sys.stdin.readline()
    total = sum(future.result() for future in futures)
    part(total)
    breaks(return_state=True)
    return total

print("total", whole(int(sys.argv[1])), flush=True)
"""
