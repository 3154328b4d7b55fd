"""A few tasks on the instance of Ray at argv[1]."""

import sys

from legato import flow, task
from legato.task_runners import RayTaskRunner


@task
def double(x: int) -> int:
    return 2 * x


@flow(task_runner=RayTaskRunner(address=sys.argv[1] if len(sys.argv) > 1 else None))
def job() -> list[int]:
    return double.map(range(3)).result()


if __name__ == "__main__":
    print(job())
