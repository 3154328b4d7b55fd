"""Runs argv[1] flows once a line comes in; then prints how long each commit took, in ms."""

from __future__ import annotations

import json
import sys
import time

from legato import flow, task
from legato._backend.current import current


@task
def step(n: int) -> int:
    return n


@flow
def busy(n: int) -> None:
    for number in range(5):
        step(number)


store = current().store
run, took = store.run, []


def timed(*args, **kwargs):
    began = time.perf_counter()
    try:
        return run(*args, **kwargs)
    finally:
        took.append(1000 * (time.perf_counter() - began))


store.run = timed
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[1])):
    busy(number)
current().journal.flush()
print("took", json.dumps(took), flush=True)
