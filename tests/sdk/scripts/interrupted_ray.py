"""Two endless tasks on the instance of Ray at argv[1]; they tell their process ids."""

import os
import sys
import time
from pathlib import Path

from legato import flow, task
from legato.task_runners import RayTaskRunner

HOME = Path(os.environ["LEGATO_HOME"])


@task
def forever(number: int, home: Path) -> None:
    with open(home / "pids", "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(600)


@flow
def job() -> None:
    futures = forever.map([1, 2], HOME)
    while not (HOME / "pids").exists() or len((HOME / "pids").read_text().split()) < 2:
        time.sleep(0.01)
    print((HOME / "pids").read_text(), end="", flush=True)
    futures.wait()


if __name__ == "__main__":
    quiet = {"log_to_driver": False}
    job.with_options(task_runner=RayTaskRunner(address=sys.argv[1], init_kwargs=quiet))()
