"""What mypy, pyright and ty, all strict, say of right and wrong use; one run of each for all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
RIGHT = sorted(HERE.glob("right*.py"))
WRONG = HERE / "wrong.py"
FILES = [*RIGHT, WRONG]
MARK = re.compile(r'# (?:names: "(?P<name>\w+)"|wrong)$')
BLIND = {
    # ty does not compare keywords with the keys of the TypedDict in `**options: Unpack[...]`
    "ty": {"task(retry=3)"},
    "mypy": set(),
    "pyright": set(),
}

Messages = dict[tuple[str, int], str]  # by file name and line


def mypy(cache_dir: Path) -> Messages:
    command = [
        "mypy", "--strict", "--no-error-summary", "--hide-error-context", "--show-error-codes",
        "--python-version", "3.11", "--follow-imports", "silent", "--cache-dir", str(cache_dir),
        *map(str, FILES),
    ]  # fmt: skip
    ran = subprocess.run([sys.executable, "-m", *command], check=False, **_options())
    found: Messages = defaultdict(str)
    for line in ran.stdout.splitlines():
        match = re.match(r"(?:[^:]*/)?(\w+\.py):(\d+): (.*)", line)
        assert match is not None, ran.stdout + ran.stderr
        found[match[1], int(match[2])] += match[3] + "\n"
    return found


def pyright(folder: Path) -> Messages:
    for path in FILES:
        shutil.copy(path, folder)
    configuration = folder / "pyrightconfig.json"
    configuration.write_text(
        json.dumps(
            {
                "include": [path.name for path in FILES],
                "extraPaths": [str(ROOT / "src")],
                "typeCheckingMode": "strict",
                "pythonVersion": "3.11",
            }
        )
    )
    command = ["pyright", "--outputjson", "-p", str(configuration), "--pythonpath", sys.executable]
    ran = subprocess.run([sys.executable, "-m", *command], check=False, **_options())
    said = json.loads(ran.stdout)
    assert said["summary"]["filesAnalyzed"] == len(FILES), ran.stdout
    found: Messages = defaultdict(str)
    for item in said["generalDiagnostics"]:
        line = item["range"]["start"]["line"] + 1
        found[Path(item["file"]).name, line] += item["message"] + "\n"
    return found


def ty(folder: Path) -> Messages:
    command = [
        "ty", "check", "--project", str(HERE), "--extra-search-path", str(ROOT / "src"),
        "--python-version", "3.11", "--python", sys.executable, "--output-format", "gitlab",
        *map(str, FILES),
    ]  # fmt: skip
    ran = subprocess.run([sys.executable, "-m", *command], check=False, **_options())
    found: Messages = defaultdict(str)
    for item in json.loads(ran.stdout):
        place = item["location"]
        line = place["positions"]["begin"]["line"]
        found[Path(place["path"]).name, line] += item["description"] + "\n"
    return found


def _options() -> dict:
    return {"cwd": ROOT, "capture_output": True, "text": True}


@cache
def marked() -> MappingProxyType[int, re.Match[str]]:
    """The lines with a mistake, by number."""
    lines = enumerate(WRONG.read_text().splitlines(), 1)
    return MappingProxyType({n: found for n, line in lines if (found := MARK.search(line))})


@pytest.mark.parametrize("checker", [mypy, pyright, ty])
def test_right_use_has_the_users_types_and_mistakes_are_found_where_they_are(
    checker, tmp_path
) -> None:
    assert sum(path.read_text().count("assert_type(") for path in RIGHT) >= 130
    assert len(marked()) >= 48
    said = checker(tmp_path)
    assert {place: text for place, text in said.items() if place[0] != WRONG.name} == {}
    unseen = {n for n, mark in marked().items() if _code(mark) in BLIND[checker.__name__]}
    assert {number for _, number in said} == set(marked()) - unseen
    if checker is ty:
        return  # it underlines the argument and says both types, but not the parameter's name
    for number, mark in marked().items():
        # pyright quotes the parameter, mypy quotes it or shows the signature in which it stands
        name = mark["name"]
        message = said[WRONG.name, number]
        assert name is None or re.search(rf'"{name}"|\b{name}: ', message), message


def test_all_that_users_import_has_a_known_type() -> None:
    command = ["pyright", "--verifytypes", "legato", "--ignoreexternal", "--outputjson"]
    # with this option pyright looks for packages in the first Python on PATH, whatever it is told
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src")}
    options = {**_options(), "env": env}
    ran = subprocess.run([sys.executable, "-m", *command], check=False, **options)
    said = json.loads(ran.stdout)["typeCompleteness"]
    assert Path(said["pyTypedPath"]) == ROOT / "src/legato/py.typed"
    vague = {
        symbol["name"]: [item["message"] for item in symbol["diagnostics"]]
        for symbol in said["symbols"]
        if not symbol["isTypeKnown"]
    }
    assert vague == {}
    assert said["exportedSymbolCounts"]["withKnownType"] > 300


def _code(mark: re.Match[str]) -> str:
    return mark.string[: mark.start()].strip()
