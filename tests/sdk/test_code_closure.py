"""CODE_CLOSURE: which edits of a project give the key of its task another value."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from legato import task
from legato._sdk.cache_keys import key_of
from legato._sdk.code_closure import closure_parts
from legato.cache_policies import CODE_CLOSURE, INPUTS
from legato.context import TaskRunContext
from tests.sdk.closure_edits import EDITS, HIT, MISS, MODEL_EDITS, MODELS, PROJECT, Edit

PAGE = Path(__file__).parents[2] / "docs" / "caching.md"
KEY = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from importlib import import_module
from legato._sdk.cache_policies import joined
from legato._sdk.code_closure import closure_parts
found = import_module("flow")
for name in sys.argv[3].split("."):
    found = getattr(found, name)
parts = closure_parts(found.fn)
print(json.dumps({"key": joined(parts), "parts": parts}))
"""


class Found(NamedTuple):
    key: str
    parts: dict[str, str]

    @property
    def not_covered(self) -> list[str]:
        return [name[12:] for name in self.parts if name.startswith("not covered:")]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def closure(folder: Path, name: str = "work", seed: str = "0") -> Found:
    """The key of a task of a project, made in a fresh interpreter."""
    ran = subprocess.run(
        [sys.executable, "-c", KEY, str(folder), str(folder / "site-packages"), name],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return Found(**json.loads(ran.stdout))


@pytest.fixture(scope="module")
def unedited(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return closure(write(tmp_path_factory.mktemp("unedited"), PROJECT))


@pytest.fixture(scope="module")
def unedited_model(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return closure(write(tmp_path_factory.mktemp("model"), MODELS))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit.what}: {edit.expected}")
def test_an_edit_is_a_hit_or_a_miss(edit: Edit, unedited: Found, tmp_path: Path) -> None:
    assert hit_or_miss(PROJECT, edit, unedited, tmp_path) == edit.expected


@pytest.mark.parametrize("edit", MODEL_EDITS, ids=lambda edit: f"{edit.what}: {edit.expected}")
def test_an_edit_of_a_pydantic_model(edit: Edit, unedited_model: Found, tmp_path: Path) -> None:
    assert hit_or_miss(MODELS, edit, unedited_model, tmp_path) == edit.expected


def hit_or_miss(project: dict[str, str], edit: Edit, unedited: Found, folder: Path) -> str:
    text = project[edit.file]
    assert text.count(edit.old) == 1, "the edit must name one place"
    edited = {**project, edit.file: text.replace(edit.old, edit.new)}
    found = closure(write(folder, edited), seed="1")
    both = {*found.parts, *unedited.parts}
    print("changed:", [n for n in both if found.parts.get(n) != unedited.parts.get(n)])
    return HIT if found.key == unedited.key else MISS


def test_the_parts_name_what_is_covered_and_what_is_not(unedited: Found) -> None:
    assert {
        "code:work",
        "code:other",
        "code:double",
        "code:helpers.deeper",
        "code:steps.later.leave",
        "code:steps.models.Shop",
        "value:RATE",
        "value:helpers.LIMIT",
        "package:vendored",
        "python",
    } <= set(unedited.parts)
    assert unedited.parts["package:vendored"] == "1.0"
    assert not any("unrelated" in name or "never" in name for name in unedited.parts)
    assert unedited.not_covered == ["LOCK", "COUNT"]
    assert "_thread.lock" in unedited.parts["not covered:LOCK"]


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not part of this copy")
def test_the_page_says_the_parts_of_its_example(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL)
    files = {name: text.replace("\nbill()\n", "") for name, text in blocks}
    write(tmp_path, {"prices.py": files["prices.py"], "flow.py": files["shop.py"]})
    said = page.partition("behind their module:\n\n```text\n")[2].partition("```")[0].split("\n")
    found = closure(tmp_path, "total")
    assert {"inputs.nets", *found.parts} == set(filter(None, said))


@pytest.mark.parametrize(
    ("line", "not_covered"),
    [
        ("getattr(x, 'a')", []),
        ("getattr(x, 'a', None)", []),
        ("getattr(x, 'a' + x)", ["getattr() with a name that is computed in work"]),
        ("eval(x)", ["eval() in work"]),
        ("exec(x)", ["exec() in work"]),
        ("importlib.import_module(x)", ["import_module() in work"]),
        ("__import__(x)", ["__import__() in work"]),
        ("[eval(y) for y in x]", ["eval() in work"]),
        ("helpers.eval(x)", []),
        ("LIST[0].eval(x)", ["module helpers"]),
        ("object.__subclasses__()", ["__subclasses__() in work"]),
    ],
)
def test_what_cannot_be_followed_is_listed(
    line: str, not_covered: list[str], tmp_path: Path
) -> None:
    imports = "import importlib, helpers\nfrom legato import task\nLIST = [helpers]\n"
    text = f"{imports}@task\ndef work(x):\n    return {line}\n"
    files = {"flow.py": text, "helpers.py": "def eval(x): return x\n"}
    assert closure(write(tmp_path, files)).not_covered == not_covered


def test_a_method_may_ask_anything_of_its_class(tmp_path: Path) -> None:
    def edited(old: str, new: str) -> str:
        files = {**PROJECT, "flow.py": PROJECT["flow.py"].replace(old, new)}
        return closure(write(tmp_path / new, files), "Job.run").key

    step = "def step(self, x):\n        return x "
    unedited = edited(f"{step}+ 1", f"{step}+ 1")
    assert edited(f"{step}+ 1", f"{step}+ 2") != unedited
    assert edited("self.x + RATE", "self.x") == unedited


ONE_FILE = """
from legato import flow, task
from legato._sdk.cache_keys import key_of
from legato.cache_policies import CODE_CLOSURE, INPUTS
from legato.context import TaskRunContext
from legato.task_runners import ProcessPoolTaskRunner

RATE = 2

class Row:
    def __init__(self, x):
        self.x = x

class Kind:
    name = "plain"

def help(x):
    return Row(x).x * RATE, Kind

@task
def work(x):
    return key_of_this(), help

def key_of_this():
    run = TaskRunContext.get()
    return key_of(INPUTS + CODE_CLOSURE, run, run.parameters, {})

@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def job():
    here, there = work(1)[0], work.submit(1).result()[0]
    changed = {name for name, part in here.parts.items() if there.parts.get(name) != part}
    print(here.key, there.key, changed)

if __name__ == "__main__":
    job()
"""


def test_the_main_module_an_import_and_a_worker_give_one_key(tmp_path: Path) -> None:
    write(tmp_path, {"shop.py": ONE_FILE})
    runs = [
        subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in (["shop.py"], ["-c", "import shop; shop.job()"])
    ]
    keys = {key for printed in runs for key in printed.split()[:2]}
    assert len(keys) == 1, runs


def typed(text: str, names: dict[str, Any]) -> Any:
    """Run what is typed into a notebook."""
    exec(text, names)
    return closure_parts(names["work"])


def test_a_name_that_means_something_else_gives_another_key_at_once() -> None:
    names: dict[str, Any] = {"__name__": "typed"}
    first = typed("def help(): return 1\ndef work(): return help(), later()", names)
    assert typed("def help(): return 2", names) != first
    assert typed("def help(): return 1", names) == first
    assert typed("def later(): return 1", names) != first
    names["help"] = 7
    assert "value:help" in typed("", names)


def test_what_a_module_makes_up_is_followed(tmp_path: Path) -> None:
    files = {
        "flow.py": "import lazy\nfrom legato import task\n@task\ndef work(x): return lazy.f(x)",
        "lazy.py": "def __getattr__(name):\n    import found\n    return getattr(found, name)",
        "found.py": "def f(x):\n    return x",
    }
    before = closure(write(tmp_path / "a", files))
    edited = {**files, "found.py": "def f(x):\n    return 2 * x"}
    assert closure(write(tmp_path / "b", edited)).key != before.key
    assert "code:found.f" in before.parts


def test_objects_that_answer_nothing_do_no_harm() -> None:
    class Absent:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("outside of a request")

        def __reduce_ex__(self, protocol: Any) -> Any:
            raise RuntimeError("outside of a request")

        def __call__(self) -> None: ...

    names = {"__name__": "typed", "absent": Absent()}
    assert "not covered:absent" in typed("def work(): return absent", names)


def test_functions_that_call_each_other_and_themselves_have_an_end() -> None:
    parts = typed(
        "def work(n): return other(n)\n"
        "def other(n): return work(n) + outer()(n)\n"
        "def outer():\n"
        "    def inner(n): return inner(n)\n"
        "    return inner\n"
        "HELD = outer()\n"
        "def other(n): return work(n) + HELD(n)\n",
        {"__name__": "typed"},
    )
    assert [name for name in parts if name.startswith("code:")] == [
        "code:work",
        "code:other",
        "code:outer.<locals>.inner",
    ]


def test_functions_of_one_name_are_told_apart_by_what_they_hold() -> None:
    def parts(*held: int) -> Any:
        table = f"[make(n) for n in {held}] + [lambda x=n: x for n in {held}]"
        make = "def make(n): return lambda: n"
        return typed(f"{make}\nTABLE = {table}\ndef work(): return TABLE", {"__name__": "typed"})

    tables = [(1, 1, 2), (1, 2, 2), (2, 1, 1), (2, 2, 1), (1, 2, 3)]
    assert parts(1, 1, 2) == parts(1, 1, 2)
    assert len({str(sorted(parts(*held).items())) for held in tables}) == len(tables)


def test_a_task_of_that_policy_says_what_its_key_is_made_of() -> None:
    @task(cache_policy=INPUTS + CODE_CLOSURE)
    def work(x: int) -> Any:
        context = TaskRunContext.get()
        assert context is not None
        return key_of(context.task.cache_policy, context, context.parameters, {})

    found = work(1)
    label = f"code:{work.fn.__qualname__}"
    assert {"inputs.x", "python", label} <= set(found.parts)
    assert found.key == work(1).key != work(2).key
    assert found.spans_runs
