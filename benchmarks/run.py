#!/usr/bin/env python3
"""Measure this checkout of Legato beside Prefect and DBOS; write `RESULTS.md`.

Needs Python 3.11, `uv` on PATH and the harness in `../shared/bench` beside the repository
(`LEGATO_BENCH` names another place); the standard library is enough. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ["prefect", "dbos"]
CASES = ["W1", "W2", "W2/exit1k", "W3", "W4/1k", "W5/1k", "W6/1k", "W8", "W9", "W10"]
SLOW_CASES = ["W4/10k", "W5/10k", "W13"]  # Prefect needs minutes for one
LOCAL_CASES = ["start", "noop", "args5", "model", "submit", "future", "hit"]
DURABLE_CASES = ["durable", "durable4"]
STEPS = 1000  # of each process in those
FRAMEWORK = '[legato]\nfile = "prefectlike.py"'
TIMEOUT_S = 600


def main() -> int:
    given = arguments()
    results = given.results or HERE / "RESULTS.md"
    if given.report:
        print(report.write(given.report, results))
        return 0
    harness = find_harness()
    given.venvs.mkdir(parents=True, exist_ok=True)
    peers = [name for name in given.peers.split(",") if name]
    if not given.no_install:
        install_peers(harness, given.venvs, peers)
        install_legato(given.venvs)
    folder = given.out / time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="legato-bench-") as scratch:
        overlay = make_overlay(harness, Path(scratch) / "bench")
        run_harness(overlay, folder, given, peers)
        run_local(overlay, folder, given, peers)
    print(report.write(folder, results))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = ",".join([*CASES, *SLOW_CASES, *LOCAL_CASES, "chain", *DURABLE_CASES])
    parser.add_argument("--cases", default=known, help=f"some of {known}")
    parser.add_argument("--peers", default=",".join(PEERS), help="run beside Legato")
    parser.add_argument("-n", type=int, default=5, help="runs of each case")
    parser.add_argument("--slow-n", type=int, default=2, help=f"runs of {','.join(SLOW_CASES)}")
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks in noop, args5, model")
    parser.add_argument("--load-max", type=float, default=2.5, help="wait for a load below")
    parser.add_argument("--load-wait", type=float, default=120, help="for at most these seconds")
    parser.add_argument("--no-install", action="store_true", help="use the environments as found")
    default = os.environ.get("BENCH_VENVS") or Path(tempfile.gettempdir()) / "legato-bench-venvs"
    parser.add_argument("--venvs", type=Path, default=default, help="where they are (BENCH_VENVS)")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="for the raw figures")
    parser.add_argument("--results", type=Path, help="the report, instead of RESULTS.md")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="only report that run again")
    return parser.parse_args()


# ---- environments -------------------------------------------------------------------------------


def find_harness() -> Path:
    place = Path(os.environ.get("LEGATO_BENCH") or ROOT.parent / "shared" / "bench")
    if not (place / "bench.py").is_file():
        sys.exit(
            "The benchmark harness is not there: ../shared/bench beside the repository holds no "
            "bench.py. Set LEGATO_BENCH to the folder that does."
        )
    if shutil.which("uv") is None:
        sys.exit("The environments are made by `uv`; put it on PATH.")
    return place.resolve()


def install_peers(harness: Path, venvs: Path, peers: list[str]) -> None:
    """Let the harness make the environments that are missing."""
    missing = [name for name in peers if not (venvs / name / "bin" / "python").exists()]
    if missing:
        bench(harness, "install", "--venvs", str(venvs), *missing)


def install_legato(venvs: Path) -> None:
    """Build a wheel of the checkout and install it, byte-compiled, into a new environment."""
    place = venvs / "legato"
    with tempfile.TemporaryDirectory(prefix="legato-wheel-") as folder:
        run("uv", "build", "-q", "--wheel", "--out-dir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        run("uv", "venv", "-q", "--clear", "--python", "3.11", str(place))
        python = str(place / "bin" / "python")
        install = ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", python]
        run(*install, "--refresh-package", "legato", str(wheel))


def make_overlay(harness: Path, overlay: Path) -> Path:
    """Copy the harness, with our workloads beside its own and `legato` run by `embedded.py`."""
    seeds = overlay / "workloads" / "seeds"
    seeds.mkdir(parents=True)
    shutil.copyfile(harness / "bench.py", overlay / "bench.py")
    for place in (harness, HERE):
        for path in (place / "workloads").glob("**/*.py"):
            shutil.copyfile(path, overlay / path.relative_to(place))
    for path in HERE.glob("seed_*.py"):
        shutil.copyfile(path, seeds / path.name)
    table = (harness / "frameworks.toml").read_text(encoding="utf-8")
    if FRAMEWORK not in table:
        sys.exit("The harness' frameworks.toml describes `legato` in another way than expected.")
    table = table.replace(FRAMEWORK, FRAMEWORK.replace("prefectlike", "embedded"))
    (overlay / "frameworks.toml").write_text(table, encoding="utf-8")
    return overlay


def bench(harness: Path, *arguments: str) -> None:
    run(sys.executable, "-B", str(harness / "bench.py"), *arguments)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


# ---- cases --------------------------------------------------------------------------------------


def run_harness(overlay: Path, folder: Path, given: argparse.Namespace, peers: list[str]) -> None:
    """Run the harness' cases in turn (A B C, B C A, ...), the slow ones fewer times."""
    wanted = given.cases.split(",")
    systems = ",".join(["legato", *peers])
    for cases, times in ((CASES, given.n), (SLOW_CASES, given.slow_n)):
        chosen = ",".join(case for case in cases if case in wanted)
        if chosen:
            load = ["--load-max", str(given.load_max), "--load-wait", str(given.load_wait)]
            places = ["--venvs", str(given.venvs), "--out", str(folder / "harness")]
            bench(overlay, "run", "-f", systems, "-c", chosen, "-n", str(times), *load, *places)
            time.sleep(1)  # the harness names its file by the second
    if (folder / "harness").is_dir():
        report_command = [sys.executable, "-B", str(overlay / "bench.py"), "report"]
        report_command += ["--base", "legato", "--out", str(folder / "harness")]
        tables = subprocess.run(report_command, check=True, stdout=subprocess.PIPE)
        (folder / "harness.md").write_bytes(tables.stdout)


def run_local(overlay: Path, folder: Path, given: argparse.Namespace, peers: list[str]) -> None:
    """Run the cases that only Legato has, each in a fresh process and a fresh home.

    A case of durable steps has DBOS beside it, in the harness' words for that.
    """
    wanted = given.cases.split(",")
    records: list[dict[str, Any]] = []
    for turn in range(given.n):
        for case, system, *command in local_cases(wanted, given.tasks, peers):
            wait_quiet(given.load_max, given.load_wait)
            load = os.getloadavg()[0]
            python = str(given.venvs / system / "bin" / "python")
            result, error = run_case(
                [python, str(overlay / "workloads" / command[0]), *command[1:]]
            )
            record = {"system": system, "case": case, "turn": turn, "load": round(load, 2)}
            records.append(record | {"result": result} | ({"error": error} if error else {}))
            print(f"local {case:8} #{turn} load {load:.2f}", (error or json.dumps(result))[:400])
    run_facts = {"records": records, "source": source(), "tasks": given.tasks}
    text = json.dumps(run_facts, indent=1)
    (folder / "local.json").write_text(text, encoding="utf-8")


def wait_quiet(load_max: float, seconds: float) -> None:
    end = time.monotonic() + seconds
    while os.getloadavg()[0] > load_max and time.monotonic() < end:
        time.sleep(2)


def local_cases(wanted: list[str], tasks: int, peers: list[str]) -> Iterator[list[str]]:
    """Yield case, system and command of each."""
    for case in [case for case in LOCAL_CASES if case in wanted]:
        yield [case, "legato", "local.py", case, "--n", str(tasks)]
    if "chain" in wanted:
        yield ["chain", "legato", "chain.py"]
    for case in [case for case in DURABLE_CASES if case in wanted]:
        yield [case, "legato", "durable.py", case, "--n", str(STEPS)]
    if "durable" in wanted and "dbos" in peers:
        yield ["durable", "dbos", "dbos_wl.py", "W7", "--n", str(STEPS)]


def run_case(command: list[str]) -> tuple[dict[str, Any] | None, str]:
    """Return what a case found, or None and why there is nothing."""
    foreign = ("PREFECT_", "LEGATO_", "DBOS_", "PYTHON", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    with tempfile.TemporaryDirectory(prefix="bench-legato-") as home:
        env |= {"HOME": home, "BENCH_HOME": home, "TMPDIR": home, "NO_COLOR": "1"}
        try:
            done = subprocess.run(
                command,
                check=False, env=env, cwd=home, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, f"still running after {TIMEOUT_S} s"
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("BENCH "):
            return json.loads(line.removeprefix("BENCH ")), ""
    return None, re.sub(r"/(?:[\w.@+-]+/)+", ".../", done.stderr[-1200:]) or "no output"


def source() -> str:
    """Return which commit was measured, and whether the tree had changes."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], check=False, capture_output=True)
    if head.returncode:
        return "before the first commit"
    changes = subprocess.run(
        [*git, "status", "--porcelain", "--", "src", "pyproject.toml"],
        check=False, capture_output=True,
    )  # fmt: skip
    commit = f"commit {head.stdout.decode().strip()}"
    return f"{commit} and uncommitted changes" if changes.stdout else commit


if __name__ == "__main__":
    sys.exit(main())
