"""What mypy and pyright, both strict, say of the decorators' types."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT, WRONG = (Path(__file__).parent / name for name in ("right.py", "wrong.py"))

Messages = dict[int, str]


def mypy(path: Path, cache: Path) -> Messages:
    command = [
        "mypy", "--strict", "--no-error-summary", "--hide-error-context", "--show-error-codes",
        "--python-version", "3.11", "--follow-imports", "silent", "--cache-dir", str(cache),
        str(path),
    ]  # fmt: skip
    ran = subprocess.run([sys.executable, "-m", *command], check=False, **_options())
    found: Messages = defaultdict(str)
    for line in ran.stdout.splitlines():
        match = re.match(r"[^:]*wrong\.py:(\d+): (.*)|[^:]*right\.py:(\d+): (.*)", line)
        assert match is not None, ran.stdout + ran.stderr
        found[int(match[1] or match[3])] += (match[2] or match[4]) + "\n"
    return found


def pyright(path: Path, folder: Path) -> Messages:
    shutil.copy(path, folder)
    configuration = folder / "pyrightconfig.json"
    configuration.write_text(
        json.dumps(
            {
                "include": [path.name],
                "extraPaths": [str(ROOT / "src")],
                "typeCheckingMode": "strict",
                "pythonVersion": "3.11",
            }
        )
    )
    command = ["pyright", "--outputjson", "-p", str(configuration), "--pythonpath", sys.executable]
    ran = subprocess.run([sys.executable, "-m", *command], check=False, **_options())
    found: Messages = defaultdict(str)
    said = json.loads(ran.stdout)
    assert said["summary"]["filesAnalyzed"] == 1, ran.stdout
    for item in said["generalDiagnostics"]:
        found[item["range"]["start"]["line"] + 1] += item["message"] + "\n"
    return found


def _options() -> dict:
    return {"cwd": ROOT, "capture_output": True, "text": True}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_right_uses_have_the_types_of_the_users_functions(checker, tmp_path) -> None:
    assert RIGHT.read_text().count("assert_type(") >= 30
    assert checker(RIGHT, tmp_path) == {}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_mistakes_are_found_where_they_are_and_name_the_argument(checker, tmp_path) -> None:
    lines = enumerate(WRONG.read_text().splitlines(), 1)
    expected = {
        n: line.partition('# names: "')[2][:-1] for n, line in lines if '# names: "' in line
    }
    assert len(expected) == 8
    found = checker(WRONG, tmp_path)
    assert set(found) == set(expected)
    for number, name in expected.items():
        # pyright quotes the parameter, mypy shows the signature in which it stands
        assert re.search(rf'"{name}"|\b{name}: ', found[number]), found[number]
