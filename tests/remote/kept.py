"""A script whose process a keeper watches."""

WAITS = """
import os, sys, threading
from legato import flow, task
from legato._backend import keeper

keeper.SLACK_SECONDS = 0.0
keeper.AFTER_SECONDS = float(os.environ.get("AFTER", keeper.AFTER_SECONDS))

@task
def waits():
    print("waits", flush=True)
    threading.Event().wait()

@task
def holds():
    print("waits", flush=True)
    sys.stdin.readline()
    sum(range(10**13))  # one call into C, for a day

@flow(on_cancellation=[lambda flow, run, state: print("cancelled", flush=True)])
def whole(what):
    {"waits": waits, "holds": holds}[what]()

if "task" in sys.argv:
    waits()
limit = float(sys.argv[2]) if len(sys.argv) > 2 else None
whole.with_options(timeout_seconds=limit)(sys.argv[1])
"""
