"""Two endless tasks on a temporary cluster of Dask; they tell their process ids."""

import os
import time

from legato import flow, task
from legato.task_runners import DaskTaskRunner

CLUSTER = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": ":0"}


@task
def forever(number: int) -> None:
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(600)


@flow(task_runner=DaskTaskRunner(cluster_kwargs=CLUSTER))
def job() -> None:
    forever.map([1, 2]).wait()


if __name__ == "__main__":
    job()
