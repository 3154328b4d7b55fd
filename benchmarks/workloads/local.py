"""Cases that only Legato runs: what a start costs, and what a task costs by what it is given.

usage: local.py start|noop|args5|model|submit|future|hit [--n N]
(started by run.py in a fresh home)

A task's clock runs from the flow's first call until the flow has returned and a second process
(`rows.py`) has counted the flow run, its task runs, their three states, tags and inputs. Prints one
`BENCH {json}` line, as the harness' workloads do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from common import (  # noqa: E402  (the harness', beside this file)
    children_cpu_s,
    emit,
    home,
    runq_wait_s,
    self_cpu_s,
    self_peak_rss_mb,
    summary,
    tree,
)

os.environ.setdefault("LEGATO_HOME", os.path.join(home(), ".legato"))
DATABASE = os.path.join(os.environ["LEGATO_HOME"], "legato.db")
ROWS = [sys.executable, os.path.join(HERE, "rows.py")]
TAGS = ["bench", "local"]

# ---- what a start costs -------------------------------------------------------------------------

STARTS = 10  # of each script
IMPORT = "from legato import flow, task\n"
FLOW = (
    '@flow\ndef flow_{i}(x: int, y: str = "a") -> int:\n    """Add nothing."""\n    return x\n\n\n'
)
DEFINED = IMPORT + "\n\n" + "".join(FLOW.format(i=i) for i in range(20))
SCRIPTS = {
    "bare": "",
    "import": IMPORT,
    "defined": DEFINED,
    "first": DEFINED + "assert flow_0(1) == 1\n",
    "again": DEFINED + "assert flow_0(1) == 1\n",
}
# None of these belongs to `from legato import flow, task`.
UNWANTED = [
    "alembic", "asyncio", "fastapi", "http", "httpx", "pydantic", "requests", "sqlalchemy",
    "sqlite3", "starlette", "urllib3", "uvicorn", "websockets",
]  # fmt: skip
LOADED = IMPORT + f"import sys; print(' '.join(m for m in {UNWANTED!r} if m in sys.modules))\n"


def start() -> None:
    """Measure whole processes: CPU and wall over those of an empty script."""
    scripts = {name: write(name, text) for name, text in SCRIPTS.items()}
    loaded = run_script(write("loaded", LOADED)).split()
    for name in ("bare", "first"):
        run_script(scripts[name])  # byte code and the page cache are warm; a home is there
    cpu: dict[str, list[float]] = {name: [] for name in scripts}
    wall: dict[str, list[float]] = {name: [] for name in scripts}
    for i in range(STARTS):
        for name, path in scripts.items():
            c, t = children_cpu_s(), time.perf_counter()
            run_script(path, fresh_home(i) if name == "first" else None)
            wall[name].append((time.perf_counter() - t) * 1e3)
            cpu[name].append((children_cpu_s() - c) * 1e3)
    homes = [os.environ["LEGATO_HOME"], *(fresh_home(i) for i in range(STARTS))]
    emit(
        "start",
        unwanted=loaded,
        unwanted_modules=len(loaded),
        bare_cpu_ms=summary(cpu["bare"], 1),
        bare_wall_ms=summary(wall["bare"], 1),
        **over(cpu, "cpu_ms"),
        **over(wall, "wall_ms"),
        lost=2 * STARTS + 1 - sum(completed_flow_runs(path) for path in homes),
    )


def fresh_home(i: int) -> str:
    return os.path.join(home(), f"fresh-{i}")


def completed_flow_runs(legato_home: str) -> int:
    command = [*ROWS, os.path.join(legato_home, "legato.db")]
    counts = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return int(counts["flow_runs"].get("COMPLETED", 0))


def over(of: dict[str, list[float]], unit: str) -> dict[str, float]:
    """Return what each script costs over the bare one; the first call over the definitions."""
    median = {name: summary(values, 1)["median"] for name, values in of.items()}
    return {
        f"import_{unit}": round(median["import"] - median["bare"], 1),
        f"defined_{unit}": round(median["defined"] - median["bare"], 1),
        f"first_{unit}": round(median["first"] - median["defined"], 1),
        f"again_{unit}": round(median["again"] - median["defined"], 1),
    }


def write(name: str, text: str) -> str:
    path = os.path.join(home(), f"{name}_script.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def run_script(path: str, legato_home: str | None = None) -> str:
    env = {**os.environ, "LEGATO_HOME": legato_home or os.environ["LEGATO_HOME"]}
    command = [sys.executable, path]
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-1500:])
    return done.stdout


# ---- what a task costs --------------------------------------------------------------------------


def noop(n: int) -> dict[str, Any]:
    from legato import flow, task

    @task(tags=TAGS)
    def step(i: int) -> int:
        return i

    @flow
    def sequence(n: int) -> str:
        total = sum(step(i) for i in range(n))
        assert total == n * (n - 1) // 2
        return flow_run_id()

    return measured(sequence, n, ["i"])


def args5(n: int) -> dict[str, Any]:
    """Five arguments, the first of which is the task before's result (an edge to record)."""
    from legato import flow, task

    @task(tags=TAGS)
    def step(before: str, i: int, name: str, share: float, note: str | None = None) -> str:
        return f"{name} {i}"

    @flow
    def sequence(n: int) -> str:
        last = ""
        for i in range(n):
            last = step(last, i, "item", share=0.5, note=None)
        assert last == f"item {n - 1}"
        return flow_run_id()

    return measured(sequence, n, ["before", "i", "name", "share", "note"])


def model(n: int) -> dict[str, Any]:
    """One argument that is a pydantic model; the instances are made before the clock starts."""
    import pydantic

    from legato import flow, task

    class Order(pydantic.BaseModel):
        number: int
        customer: str
        lines: list[str]

    @task(tags=TAGS)
    def step(order: Order) -> int:
        return order.number

    orders = [Order(number=i, customer=f"customer {i}", lines=["a", "b"]) for i in range(n)]

    @flow
    def sequence(n: int) -> str:
        total = sum(step(order) for order in orders[:n])
        assert total == n * (n - 1) // 2
        return flow_run_id()

    return measured(sequence, n, ["order"])


def submit(n: int) -> dict[str, Any]:
    """Every task is submitted; then the results are asked for in order."""
    from legato import flow, task

    @task(tags=TAGS)
    def step(i: int) -> int:
        return i

    @flow
    def fan(n: int) -> str:
        futures = [step.submit(i) for i in range(n)]
        assert sum(future.result() for future in futures) == n * (n - 1) // 2
        return flow_run_id()

    return measured(fan, n, ["i"])


def future(n: int) -> dict[str, Any]:
    """Every task is submitted with the future of the one before, so they run one by one."""
    from legato import flow, task

    @task(tags=TAGS)
    def step(before: int) -> int:
        return before + 1

    @flow
    def line(n: int) -> str:
        last: Any = 0
        for _ in range(n):
            last = step.submit(last)
        assert last.result() == n
        return flow_run_id()

    return measured(line, n, ["before"])


def hit(n: int) -> dict[str, Any]:
    """Every call but the first one of all takes its result from the cache."""
    from legato import flow, task
    from legato.cache_policies import INPUTS

    calls: list[int] = []

    @task(tags=TAGS, cache_policy=INPUTS)
    def step(i: int) -> list[int]:
        calls.append(i)
        return [i]

    @flow(persist_result=False)
    def sequence(n: int) -> str:
        assert all(step(1) == [1] for _ in range(n))
        return flow_run_id()

    found = measured(sequence, n, ["i"])
    assert calls == [1]
    return found


def flow_run_id() -> str:
    from legato.runtime import flow_run

    return str(flow_run.id)


class Counter:
    """The second process, started before the clock is."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*ROWS, DATABASE, "--ask"], stdin=pipe, stdout=pipe, text=True
        )
        self.pid = self.process.pid
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, run: str, n: int, inputs: list[str]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        question = {"flow_run": run.replace("-", ""), "n": n, "tags": TAGS, "inputs": inputs}
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        counts: dict[str, Any] = json.loads(self.process.stdout.readline())
        return counts

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


def measured(sequence: Callable[[int], str], n: int, inputs: list[str]) -> dict[str, Any]:
    sequence(1)  # opens the database; the harness' W4 has a warm-up of one task, too
    counter = Counter()
    cpu_0, wait_0, t_0 = all_cpu_s(counter.pid), runq_wait_s(), time.perf_counter()
    run = sequence(n)
    t_1, wait_1, cpu_1 = time.perf_counter(), runq_wait_s(), all_cpu_s(counter.pid)
    counts = counter.ask(run, n, inputs)
    cpu_2 = all_cpu_s(counter.pid)
    counter.close()
    recorded = ("three_states", "tagged", "with_inputs")
    per_task = 1e6 / n
    return {
        "n": n,
        "wall_us": round((t_1 - t_0) * per_task, 1),
        "less_runq_us": round((t_1 - t_0 - (wait_1 - wait_0)) * per_task, 1),
        "cpu_us": round((cpu_1 - cpu_0) * per_task, 1),
        "recorded_wall_us": round((max(t_1, counts.pop("at")) - t_0) * per_task, 1),
        "recorded_cpu_us": round((cpu_2 - cpu_0) * per_task, 1),
        "missing": n - min(counts[kind] for kind in recorded),
        "counts": counts,
        "rss_peak_mb": self_peak_rss_mb(),
    }


def all_cpu_s(but: int) -> float:
    """Return the CPU of this process and all it has started, but for the one that counts."""
    others = {pid: stat for pid, stat in tree(os.getpid()).items() if pid not in {os.getpid(), but}}
    return float(self_cpu_s() + children_cpu_s() + sum(stat["cpu"] for stat in others.values()))


CASES = {
    "noop": noop,
    "args5": args5,
    "model": model,
    "submit": submit,
    "future": future,
    "hit": hit,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=["start", *CASES])
    parser.add_argument("--n", type=int, default=10_000, help="tasks in the flow")
    given = parser.parse_args()
    if given.case in CASES:
        emit(given.case, **CASES[given.case](given.n))
    else:
        start()


if __name__ == "__main__":
    main()
