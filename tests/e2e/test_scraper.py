"""The example that scrapes: the shop counts the planned requests, and retries are recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("httpx", reason="the example needs httpx (requirements/examples.txt)")
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
# Page n is out of order n % 3 times; the seventh is gone, and not asked again.
TRIES = {f"scrape /articles/{page}": 1 if page == 7 else page % 3 + 1 for page in range(1, 13)}
GOOD = 11
FAILED = sum(TRIES.values()) - GOOD


def test_each_page_is_asked_as_often_as_planned(tmp_path: Path) -> None:
    printed = _run(tmp_path, EXAMPLES / "scraper.py")
    assert printed.splitlines() == [
        "11 articles for 248.50 together",
        f"planned: {GOOD + 1} good and {FAILED} failed requests",
        f"served:  {GOOD + 1} good and {FAILED} failed requests",
    ]
    runs = json.loads(_run(tmp_path, "-m", "legato", "task-run", "ls", "-o", "json"))
    pages = {run["name"]: run for run in runs if run["name"] != "find_pages-0"}
    assert {name: run["run_count"] for name, run in pages.items()} == TRIES
    gone = pages.pop("scrape /articles/7")
    assert gone["state_type"] == "FAILED"
    assert "404 Not Found" in gone["state"]["message"]
    assert {run["state_type"] for run in pages.values()} == {"COMPLETED"}


@pytest.mark.skipif(
    not (ROOT / "scripts" / "demo").is_file(), reason="scripts are not in this copy"
)
def test_the_demo_runs_every_example_and_the_readme_shows_it() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")} - {"flaky_site.py"}
    demo = (ROOT / "scripts" / "demo").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    assert {name for name in scripts if f"python examples/{name}" not in demo} == set()
    assert {name for name in scripts if f"(examples/{name})" not in readme} == set()


def _run(home: Path, *words: str | Path) -> str:
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "LEGATO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
