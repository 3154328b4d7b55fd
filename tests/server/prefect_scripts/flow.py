"""Three tasks, one of which is tried twice, and a line logged by the flow."""

import json

from prefect import flow, get_run_logger, task
from prefect.runtime import flow_run

TRIES = []


@task
def a(x):
    return x + 1


@task(retries=1)
def b(x):
    TRIES.append(x)
    if len(TRIES) == 1:
        raise ValueError("boom")
    return x * 2


@flow
def myflow(n):
    get_run_logger().info("hello from flow")
    print(json.dumps({"id": flow_run.get_id()}))
    return a(b(a(n)))


assert myflow(3) == 9
