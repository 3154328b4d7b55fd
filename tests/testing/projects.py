"""Test suites of a user's project, run by a pytest of their own that finds our plugin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUITE = Path(__file__).parent / "suite" / "retries_after_a_day.py"


class Project:
    """A folder with tests; its pytest has a HOME of its own and our entry points."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.home = folder / "sentinel"
        self.temporary = folder / "tmp"
        for made in (self.folder, self.home, self.temporary):
            made.mkdir()
        (self.folder / "pytest.ini").write_text(
            "[pytest]\nfilterwarnings = error\naddopts = -p no:asyncio\n"
        )
        self._site = folder / "site"
        _announce(self._site)

    def add(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def pytest(self, *args: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run pytest in the folder; more environment by keyword."""
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("LEGATO_", "PREFECT_", "PYTEST_", "XDG_"))
        }
        path = os.pathsep.join([str(self._site), *filter(None, sys.path)])
        own = {"HOME": str(self.home), "TMPDIR": str(self.temporary), "PYTHONPATH": path}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args],
            cwd=self.folder,
            env={**inherited, **own, "PYTHONDONTWRITEBYTECODE": "1", **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def litter(self) -> list[str]:
        """Return what lies where nothing should: in HOME, among temporary files, beside tests."""
        found = [*self.home.rglob("*"), *self.folder.rglob("*.db*")]
        # pytest keeps the folders of its own fixture for three sessions
        found += [path for path in self.temporary.iterdir() if "pytest-of-" not in path.name]
        return sorted(map(str, found))


def _announce(site: Path) -> None:
    """Lay down what an installation would: the entry points of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = site / f"legato-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: legato\nVersion: {project['version']}\n"
    )
    lines = [f"{name} = {where}" for name, where in project["entry-points"]["pytest11"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))


def counts(output: str) -> dict[str, int]:
    """Return what the last line of pytest counts: passed, failed, warnings ..."""
    last = (output.splitlines() or [""])[-1]
    return {what: int(count) for count, what in re.findall(r"(\d+) ([a-z]+)", last)}
