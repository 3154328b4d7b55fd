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

def wait_for(word: str) -> None:
    if word in sys.argv:
        print(word, flush=True)
        sys.stdin.readline()

@flow
def whole(count: int) -> int:
    futures = [add.submit(n) for n in range(count)]
    total = sum(future.result() for future in futures[: count // 2])
    wait_for("halfway")
    total += sum(future.result() for future in futures[count // 2 :])
    part(total)
    breaks(return_state=True)
    return total

print("total", whole(int(sys.argv[1])), flush=True)
wait_for("ending")
"""

STEADY = """
import sys, time
from legato import flow, task, get_run_logger

@task
def add(n: int, pause: float) -> int:
    time.sleep(pause)
    return n + 1

@task
def breaks() -> None:
    raise ValueError("no")

@flow
def part(n: int) -> int:
    get_run_logger().info("part %s", n)
    return add(n, 0)

@flow
def whole(count: int, pause: float) -> int:
    total = 0
    for n in range(count):
        total += add(n, pause)
        if n == count // 4:
            print("middle", flush=True)
    part(total)
    breaks(return_state=True)
    return total

print("total", whole(int(sys.argv[1]), float(sys.argv[2])), flush=True)
"""

FORK = """
import os
from legato import flow, task

@task
def step(n: int) -> int:
    return n

@flow
def forks() -> int:
    step(1)
    child = os.fork()
    if not child:
        step(2)
        from legato._backend.current import finish
        os._exit(finish(30))
    _, status = os.waitpid(child, 0)
    step(3)
    return status

print("status", forks(), flush=True)
"""

FORK_FIRST = """
import os, sys
from legato import flow, task
from legato._backend import remote

remote.PATIENCE_SECONDS = 0.2

@task
def step(n: int) -> int:
    return n

@flow
def forks() -> None:
    step(1)
    child = os.fork()
    if not child:
        print("forked", flush=True)
        sys.stdin.readline()
        step(2)
        from legato._backend.current import finish
        finish(float(sys.argv[1]))
        print("left", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    step(3)

forks()
"""

ONE = """
from legato import flow

@flow
def one() -> int:
    return 1

print("one", one(), flush=True)
"""

# One whose scribe comes to deliver what others left when all else is done, and is slow about it: it
# never ends if the process does not wait for it.
SLOW_HEARER = f"""
import threading

from legato._backend import spool
from legato._backend.remote import RemoteBackend
from legato._journal.journal import Journal

looked_at, close, spare = spool._looked_at, RemoteBackend.close, Journal.spare
begun, left, chores = threading.Event(), threading.Event(), []

def slowly(*args, **kwargs):
    if threading.current_thread().name == "legato-journal":
        begun.set()
        if left.wait(0.5):
            threading.Event().wait()
    return looked_at(*args, **kwargs)

def last(self, timeout):
    self.journal.flush()
    for chore in chores:
        spare(self.journal, chore)
    assert begun.wait(30)
    close(self, timeout)
    left.set()

spool._looked_at, RemoteBackend.close = slowly, last
Journal.spare = lambda self, chore: chores.append(chore)
{ONE}"""

EMIT = """
from legato import flow
from legato.events import emit_event

@flow
def one():
    emit_event("order.paid", {"prefect.resource.id": "shop.order.7"}, payload={"n": 1})

one()
emit_event("order.sent", {"prefect.resource.id": "shop.order.7"})
print("emitted", flush=True)
"""

SEND = (
    "import sys; from legato._cli.main import main; sys.argv = ['legato', 'spool', 'send']; main()"
)

RESULT = """
import sys
from legato import flow, get_client, task
from legato.cache_policies import INPUTS

@task(persist_result=True, cache_policy=INPUTS)
def large(size: int) -> bytes:
    print("made", flush=True)
    return bytes(size)

@flow(persist_result=True)
def results(size: int) -> bytes:
    return large(size)

if len(sys.argv) > 1:
    print("flow", len(results(int(sys.argv[1]))), flush=True)
with get_client(sync_client=True) as client:
    for run in client.read_flow_runs():
        print("read", len(run.state.result()), flush=True)
"""

LIMITED = """
import sys
from legato.concurrency.sync import concurrency

def hold(**more):
    try:
        with concurrency("db", **more):
            print("held", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)

hold()
sys.stdin.readline()
hold(timeout_seconds=0.1)
hold()
"""

DURABLE = """
import sys
from legato import flow, task

@task
def step(n: int) -> int:
    print("step", n, flush=True)
    return n

@flow(durable=True)
def steps() -> int:
    total = step(1)
    print("committed", flush=True)
    sys.stdin.readline()
    total += step(2)
    total += step(3)
    return total

print("total", steps(), flush=True)
"""

LOCAL = DURABLE.replace("durable=True", 'durable="local"').replace(
    "    total += step(3)",
    "    print('kept', flush=True)\n    sys.stdin.readline()\n    total += step(3)",
)

RESUME = LOCAL.replace(
    'print("total", steps(), flush=True)',
    """
from legato.durable import resume
from legato import get_client

with get_client(sync_client=True) as client:
    (run,) = client.read_flow_runs()
print("was", run.state_name, flush=True)
print("total", resume(run.id, flow=steps), flush=True)
""",
)

CHANGES = """
import sys
from legato import flow, get_client, get_run_logger, task
from legato._backend import remote
from legato.artifacts import create_markdown_artifact
from legato.concurrency.sync import concurrency, rate_limit
from legato.events import emit_event
from legato.states import Completed
from legato.variables import Variable

remote.PATIENCE_SECONDS = 300.0  # a server takes its time to start

def at(what):
    print("at", what, flush=True)
    sys.stdin.readline()

@task
def add(n):
    return n + 1

@task(persist_result=True)
def large(size):
    return bytes(size)

@flow
def part():
    return add(1)

@flow(durable=True)
def steps():
    at("a durable step")
    return add(2)

@flow
def whole():
    at("a log line")
    get_run_logger().info("hello")
    at("a task")
    add(3)
    at("a subflow")
    part()
    at("a variable")
    Variable.set("region", "north")
    at("an artifact")
    create_markdown_artifact("# 1", key="report")
    at("an event")
    emit_event("order.paid", {"prefect.resource.id": "shop.order.7"})
    at("a result")
    large(9_000_000)
    at("a slot that is taken")
    with concurrency("gate"):
        at("a slot that is given back")
    at("a slot of a rate")
    rate_limit("pace")
    steps()
    at("the end of a flow run")

at("a flow run")
whole()
with get_client(sync_client=True) as client:
    at("a flow run of a client")
    run = client.create_flow_run(part)
    at("a state of a client")
    client.set_flow_run_state(run.id, Completed())
at("the end")
"""
