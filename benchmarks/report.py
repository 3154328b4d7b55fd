"""The report of one run: the design's targets with what was measured, then the tables behind it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "<!-- generated below -->\n"
NOISY_LOAD = 2.5

# Case -> rows of (what, where it stands in the case's result, target). The targets are those of
# DESIGN.md, section 5. W1 ... W8 are the harness' cases, the others are in workloads/local.py,
# chain.py and durable.py.
TARGETS: dict[str, list[tuple[str, str, str]]] = {
    "start": [
        ("`from legato import flow, task`, CPU over bare Python", "import_cpu_ms", "<= 60 ms"),
        ("server, SQL, HTTP, pydantic, asyncio modules loaded", "unwanted_modules", "= 0"),
        ("20 flows defined, CPU over bare Python", "defined_cpu_ms", "<= 90 ms"),
        ("first call after that, fresh home, CPU more", "first_cpu_ms", "<= 150 ms"),
        ("first call after that, second run, CPU more", "again_cpu_ms", "<= 150 ms"),
        ("of the flow runs, not recorded", "lost", "= 0"),
    ],
    "W1": [
        ("`legato version`, wall", "cli_version_ms.median", "<= 150 ms"),
        ("`legato --help`, wall", "cli_help_ms.median", "<= 150 ms"),
    ],
    "W2": [
        ("first `hello.py`, fresh home, wall", "first_wall_s", "<= 0.5 s"),
        ("first `hello.py`, CPU of all processes", "first_cpu_s", "<= 0.35 s"),
        ("second `hello.py`, CPU of all processes", "second_cpu_s", "<= 0.25 s"),
        ("task runs recorded of 6", "task_runs_completed_of_6", "= 6"),
        ("of them with their three states", "counts.three_states", "= 6"),
    ],
    "W3": [
        ("no-op flow call, warm, wall", "empty_flow_ms.median", "<= 1.5 ms"),
        ("no-op async flow call, warm, wall", "async_empty_flow_ms.median", "<= 1.5 ms"),
    ],
    "W4/1k": [
        ("no-op task of 1,000, wall", "us_per_task", "<= 100 µs"),
        ("CPU of all until recorded", "tree_cpu_us_per_task_until_recorded", "<= 100 µs"),
        ("never recorded", "missing", "= 0"),
    ],
    "W4/10k": [
        ("no-op task of 10,000, wall", "us_per_task", "<= 100 µs"),
        ("CPU of all until recorded", "tree_cpu_us_per_task_until_recorded", "<= 100 µs"),
        ("never recorded", "missing", "= 0"),
    ],
    "noop": [
        ("tagged no-op task, wall until counted", "recorded_wall_us", "<= 100 µs"),
        ("CPU until counted", "recorded_cpu_us", "<= 100 µs"),
        ("not counted", "missing", "= 0"),
    ],
    "args5": [
        ("the same with 5 arguments, wall until counted", "recorded_wall_us", "<= 100 µs"),
        ("CPU until counted", "recorded_cpu_us", "<= 100 µs"),
        ("not counted", "missing", "= 0"),
    ],
    "model": [
        ("the same with a pydantic model, wall until counted", "recorded_wall_us", "<= 100 µs"),
        ("CPU until counted", "recorded_cpu_us", "<= 100 µs"),
        ("not counted", "missing", "= 0"),
    ],
    "submit": [
        ("the same submitted, wall until counted", "recorded_wall_us", "<= 100 µs"),
        ("not counted", "missing", "= 0"),
    ],
    "future": [
        ("submitted with the future of the one before", "recorded_wall_us", "<= 100 µs"),
        ("not counted", "missing", "= 0"),
    ],
    "hit": [
        ("cache hit, wall until counted", "recorded_wall_us", "<= 200 µs"),
        ("CPU until counted", "recorded_cpu_us", "<= 200 µs"),
        ("not counted", "missing", "= 0"),
    ],
    "durable": [
        ("durable step of 1,000, wall", "us_per_task", ""),
        ("its median less that of a bare full commit", "over_bare_us", "<= 120 µs"),
        ("not recorded", "missing", "= 0"),
    ],
    "durable4": [
        ("durable step, 4 processes at once, p99", "p99_ms", "<= 10 ms"),
        ("not recorded", "missing", "= 0"),
    ],
    "W5/1k": [("mapped no-op task of 1,000, wall", "us_per_task", "<= 100 µs")],
    "W5/10k": [
        ("mapped no-op task of 10,000, wall", "us_per_task", "<= 100 µs"),
        ("never recorded", "missing", "= 0"),
    ],
    "W6/1k": [("gathered no-op task of 1,000, wall", "us_per_task", "<= 100 µs")],
    "W2/exit1k": [
        ("1,000 tasks in a script that exits at once: kept", "recorded_completed", "= 1000"),
        ("of them with their three states", "counts.three_states", "= 1000"),
    ],
    "W8": [("40 chained 10 ms tasks, overhead over bare Python", "overhead_ms", "<= 6 ms")],
    "W9": [
        ("server: start to healthy, fresh home", "cold_start_s", "<= 1 s"),
        ("idle memory", "idle_rss_mb", "<= 110 MB"),
        ("idle CPU, % of a core", "idle_cpu_pct", "<= 0.3 %"),
    ],
    "W10": [
        ("create + run + complete a flow run, 8 clients, a second", "c8_cycles_per_s", ">= 500"),
        ("server CPU of each", "c8_server_cpu_ms_per_cycle", "<= 1.5 ms"),
        ("one client: p99 of Running", "latency_ms.running.p99", "<= 10 ms"),
        ("one client: p99 of Completed", "latency_ms.completed.p99", "<= 10 ms"),
        ("failed or lost", "missing", "= 0"),
    ],
    "W13": [
        ("100,000 + 300,000 runs in SQLite: size, MB", "db_mb", ""),
        ("page of 50 runs, p95", "runs_page_ms.p95", "<= 50 ms"),
        ("page of 50 failed runs of a time, p95", "runs_page_failed_ms.p95", "<= 50 ms"),
        ("run by id, p95", "run_by_id_ms.p95", "<= 50 ms"),
        ("200 log lines, p95", "logs_page_ms.p95", "<= 50 ms"),
    ],
    "chain": [("the same by the bodies' own clocks, wall", "outside_wall_ms.median", "<= 6 ms")],
}
TASK_ROWS = [
    ("tasks in the flow", "n"),
    ("per task until the flow returned, wall (µs)", "wall_us"),
    ("the same less waits for a processor (µs)", "less_runq_us"),
    ("until the flow returned, CPU of all processes (µs)", "cpu_us"),
    ("until a second process counts all, wall (µs)", "recorded_wall_us"),
    ("until then, CPU of all processes but that one (µs)", "recorded_cpu_us"),
    ("task runs with states Pending, Running, Completed", "counts.three_states"),
    ("with their tags", "counts.tagged"),
    ("with their inputs", "counts.with_inputs"),
    ("edges to an earlier task run", "counts.edges"),
    ("peak RSS (MB)", "rss_peak_mb"),
]
DURABLE_ROWS = [
    ("steps", "n"),
    ("per step, wall (µs)", "us_per_task"),
    ("the same less waits for a processor (µs)", "us_per_task_less_runq"),
    ("per step, CPU (µs)", "client_cpu_us_per_task"),
    ("step, median (µs)", "step_us.median"),
    ("bare full commit, median (µs)", "bare_us.median"),
    ("step, p99 (µs)", "step_us.p99"),
    ("bare full commit, p99 (µs)", "bare_us.p99"),
    ("steps per second", "steps_per_s"),
]
CHAIN_ROWS = [
    ("wall outside of the 40 bodies (ms)", "outside_wall_ms.median"),
    ("the same less waits for a processor (ms)", "outside_less_runq_ms.median"),
    ("CPU of this thread outside of the bodies (ms)", "outside_cpu_ms.median"),
    ("CPU of other threads, in and out (ms)", "other_threads_cpu_ms.median"),
    ("overhead, at most: wall outside, CPU of other threads (ms)", "overhead_ms.median"),
    ("wall outside of 40 bodies that do nothing (ms)", "bodies_of_nothing_ms.median"),
    ("an errand of the standard library, 40 in a row (us)", "errand_us.median"),
    ("the same errand after bodies of 10 ms (us)", "errand_after_body_us.median"),
]
START_ROWS = [
    ("bare Python", "bare_cpu_ms.median", "bare_wall_ms.median"),
    ("`from legato import flow, task`, over bare", "import_cpu_ms", "import_wall_ms"),
    ("and 20 flows defined, over bare", "defined_cpu_ms", "defined_wall_ms"),
    ("and one called, fresh home, over that", "first_cpu_ms", "first_wall_ms"),
    ("and one called, second run, over that", "again_cpu_ms", "again_wall_ms"),
]

# One run of a case: which system, which case, the load before it, what it found (None: it failed).
Record = dict[str, Any]


def write(folder: Path, results: Path) -> str:
    """Put the report of the run in `folder` below the marker of `results`; return a summary."""
    records = [*harness_records(folder), *local_records(folder)]
    verdicts, table = target_table(records)
    tables = folder / "harness.md"
    parts = [
        f"Measured: Legato, {source(folder)}.",
        "### Targets",
        "\n".join(table),
        *local_tables(records),
        *durable_table(records),
        tables.read_text(encoding="utf-8") if tables.exists() else "",
        *failures(records),
    ]
    text = results.read_text(encoding="utf-8") if results.exists() else "# Benchmark results\n\n"
    head = text.split(MARKER)[0]
    body = "\n\n".join(part.strip() for part in parts if part)
    results.write_text(f"{head}{MARKER}{body}\n", encoding="utf-8")
    counted = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in ("met", "missed", "no figure"))
    return f"Targets: {counted}. Written: {results.name}"


def harness_records(folder: Path) -> Iterator[Record]:
    for path in sorted((folder / "harness").glob("*.json")):
        for one in json.loads(path.read_text(encoding="utf-8"))["records"]:
            yield {
                "system": one["framework"],
                "case": one["case"],
                "load": one.get("load_before"),
                "result": one["results"][-1] if one["results"] else None,
            }


def local_records(folder: Path) -> Iterator[Record]:
    for one in local_run(folder).get("records", []):
        yield {"system": "legato", "local": one.get("system", "legato") == "legato", **one}


def local_run(folder: Path) -> dict[str, Any]:
    path = folder / "local.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def source(folder: Path) -> str:
    return str(local_run(folder).get("source", "unknown"))


# ---- targets ------------------------------------------------------------------------------------


def target_table(records: list[Record]) -> tuple[list[str], list[str]]:
    """Return the verdicts, and the lines of the table that they stand in."""
    systems = list(dict.fromkeys(["legato", *(record["system"] for record in records)]))
    verdicts: list[str] = []
    lines = [
        f"| case | what | target | {' | '.join(systems)} | |",
        f"|---|---|---|{'---|' * len(systems)}---|",
    ]
    for case, rows in TARGETS.items():
        for what, path, target in rows:
            found = [values(records, system, case, path) for system in systems]
            verdicts.append(verdict(found[0], target))
            timed = bool(target) and not target.startswith("=")
            noisy = "~" if timed and load(records, "legato", case) > NOISY_LOAD else ""
            cells = " | ".join(spread(figures) for figures in found)
            lines.append(f"| {case} | {what} | {target} | {cells} | {noisy}{verdicts[-1]} |")
    return verdicts, lines


def verdict(figures: list[float], target: str) -> str:
    """Compare the median of the figures with a target such as `<= 60 ms`; an `=` holds for all."""
    if not figures:
        return "no figure"
    if not target:  # stands there for comparison
        return ""
    sign, limit, *_unit = target.split()
    if sign == "=":
        return "met" if all(figure == float(limit) for figure in figures) else "missed"
    found, bound = statistics.median(figures), float(limit)
    return "met" if (found >= bound if sign == ">=" else found <= bound) else "missed"


def values(records: list[Record], system: str, case: str, path: str) -> list[float]:
    """Return the figures at a dotted path in all results of a system's case."""
    found = []
    for record in records:
        if (record["system"], record["case"]) != (system, case) or not record["result"]:
            continue
        value: Any = record["result"] if sound(record["result"], path) else None
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, int | float):
            found.append(value)
    return found


def sound(result: dict[str, Any], path: str) -> bool:
    """Say whether a figure counts: its command exited with 0, what it calls recorded was seen."""
    command = path.split(".", maxsplit=1)[0].removesuffix("_ms")
    unseen = "until_recorded" in path and "readback_error" in result
    return f"{command}_rc" not in result and not unseen


def load(records: list[Record], system: str, case: str) -> float:
    loads = [
        record["load"] or 0.0
        for record in records
        if (record["system"], record["case"]) == (system, case)
    ]
    return statistics.median(loads) if loads else 0.0


def spread(figures: list[float]) -> str:
    """Return the median, with the least and the greatest figure if they differ."""
    if not figures:
        return "-"
    least, most = shown(min(figures)), shown(max(figures))
    median = shown(statistics.median(figures))
    return median if least == most else f"{median} ({least} to {most})"


def shown(figure: float) -> str:
    if figure == int(figure) or abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


# ---- what only Legato runs ----------------------------------------------------------------------


def local_tables(records: list[Record]) -> Iterator[str]:
    if values(records, "legato", "start", "lost"):
        lines = ["| whole processes | CPU (ms) | wall (ms) |", "|---|---|---|"]
        for what, *paths in START_ROWS:
            lines.append(row(what, [values(records, "legato", "start", path) for path in paths]))
        yield "### start: import, definitions, first call"
        yield "\n".join(lines)
    of_tasks = ("noop", "args5", "model", "submit", "future", "hit")
    tasks = [case for case in of_tasks if values(records, "legato", case, "n")]
    for cases, rows in ((tasks, TASK_ROWS), (["chain"], CHAIN_ROWS)):
        if not any(values(records, "legato", case, rows[0][1]) for case in cases):
            continue
        lines = [f"| | {' | '.join(cases)} |", f"|---|{'---|' * len(cases)}"]
        lines.append(row("load before", [[load(records, "legato", case)] for case in cases]))
        for what, path in rows:
            lines.append(row(what, [values(records, "legato", case, path) for case in cases]))
        yield f"### {', '.join(cases)}"
        yield "\n".join(lines)


def durable_table(records: list[Record]) -> Iterator[str]:
    columns = [("legato", "durable"), ("dbos", "durable"), ("legato", "durable4")]
    columns = [column for column in columns if values(records, *column, "n")]
    if not columns:
        return
    titles = [f"{system}, 4 at once" if case[-1] == "4" else system for system, case in columns]
    lines = [f"| | {' | '.join(titles)} |", f"|---|{'---|' * len(columns)}"]
    lines.append(row("load before", [[load(records, *column)] for column in columns]))
    for what, path in DURABLE_ROWS:
        lines.append(row(what, [values(records, *column, path) for column in columns]))
    yield "### durable: steps that are committed in full"
    yield "\n".join(lines)


def row(what: str, cells: list[list[float]]) -> str:
    return f"| {what} | {' | '.join(spread(figures) for figures in cells)} |"


def failures(records: list[Record]) -> Iterator[str]:
    failed = [one for one in records if one.get("local") and not one["result"]]
    if failed:
        lines = [f"- legato {one['case']}: {one['error'].splitlines()[-1][:200]}" for one in failed]
        yield "### Runs of Legato alone that failed\n\n" + "\n".join(lines)
