"""A durable flow with large results that will be killed; argv: their size in MB, the run to resume.

Prints `make N` when a step begins, `made N` when its function returns, `got N` when the flow has
the right value of it, and at the end the most memory that the process had, in MB. With HOLD in the
environment the flow does not come to its end.
"""

from __future__ import annotations

import os
import random
import sys

from legato import durable, flow, task

MB = 1024 * 1024


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def contents(number: int, size: int) -> bytes:
    return random.Random(number).randbytes(MB) * size


@task
def make(number: int, size: int) -> bytes:
    say(f"make {number}")
    made = contents(number, size)
    say(f"made {number}")
    return made


@flow(durable=True)
def large(size: int) -> None:
    for number in range(3):
        found = make(number, size)
        assert found == contents(number, size)
        say(f"got {number}")
        del found
    if "HOLD" in os.environ:
        sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[2:]:
        durable.resume(sys.argv[2], flow=large)
    else:
        large(int(sys.argv[1]))
    with open("/proc/self/status", encoding="ascii") as status:  # getrusage: of the parent, too
        (peak,) = [line.split()[1] for line in status if line.startswith("VmHWM")]
    say(f"peak {int(peak) // 1024}")
