"""`legato flow-run diff`."""

from __future__ import annotations

import os
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from msgspec import UNSET

from legato import flow, task
from legato._sdk import run_diff


@task(version="1")
def load(day: Any) -> Any:
    return day


@task
def check(day: Any) -> Any:
    if day == "bad":
        raise ValueError(day)
    return day


@task
def extra() -> None:
    pass


@flow(flow_run_name="first")
def etl(days: list[Any], limit: int | None = None, title: str = "x") -> None:
    states = [check(load(day), return_state=True) for day in days]
    if limit:
        extra()
    assert states


def test_what_differs_is_shown(home, legato):
    etl([1, 2, "bad"])
    etl.with_options(flow_run_name="second", version="v2")([1, 2], limit=5)
    found = legato("flow-run", "diff", "first", "second")
    assert found.code == 0, found.err
    lines = [line.split() for line in found.out.splitlines()]
    assert ["Name", "first", "second"] in lines
    assert ["days", '[1,2,"bad"]', "[1,2]"] in lines
    assert ["limit", "null", "5"] in lines
    assert not [line for line in lines if line[:1] == ["title"]]
    assert [line[-1] for line in lines if line[:2] == ["flow", "version"]] == ["v2"]
    tasks = {line[0]: line[1:] for line in lines if line and line[0] in {"load", "check", "extra"}}
    assert tasks["load"][:4] == ["3", "Completed", "2", "Completed"]
    assert tasks["check"][:6] == ["2", "Completed,", "1", "Failed", "2", "Completed"]
    assert tasks["extra"][:2] == ["-", "Completed"]


def test_json_has_all_of_it(home, legato):
    etl([1])
    etl.with_options(flow_run_name="second")([1])
    found = legato("flow-run", "diff", "first", "second", "--json").json
    assert (found["parameters"], found["code"], found["files"]) == ({}, {}, {})
    assert [run["name"] for run in found["runs"]] == ["first", "second"]
    by_task = {one["task"]: one for one in found["tasks"]}
    assert by_task["load"]["a"]["states"] == by_task["load"]["b"]["states"] == {"Completed": 1}
    assert by_task["check"]["a"]["seconds"] >= 0
    assert legato("flow-run", "diff", "first", "second", "-o", "json").json == found


def test_files_of_durable_runs(home, process, legato, tmp_path):
    code = "from legato import flow\n\n\n@flow(durable=True, flow_run_name='{}')\ndef f(): {}\n"
    for name, body in (("first", "pass"), ("second", "return 1")):
        (tmp_path / "work" / "f.py").write_text(code.format(name, body))
        assert process("run", "f.py").code == 0
    found = legato("flow-run", "diff", "first", "second", "--json").json
    assert list(found["files"]) == ["f.py"]
    assert "f.py" in legato("flow-run", "diff", "first", "second").out


def test_values_that_are_equal_in_python_only():
    found = run_diff.differences({"a": 1, "b": True, "c": None}, {"a": 1.0, "b": 1})
    assert {name: (pair.a, pair.b) for name, pair in found.items()} == {
        "a": (1, 1.0),
        "b": (True, 1),
        "c": (None, UNSET),
    }


def test_a_name_without_a_number_is_that_of_its_task():
    made: Any = SimpleNamespace(
        id=1, name="load the 5th", state_name=None, total_run_time=timedelta(0), task_version=None
    )
    (found,) = run_diff.tasks([made], [])
    assert (found.task, found.b) == ("load the 5th", None)
    assert found.a is not None
    assert found.a.states == {"-": 1}


def test_packages_that_differ(home, process, legato, tmp_path):
    (tmp_path / "work" / "f.py").write_text(
        "from legato import flow\n\n\n@flow(flow_run_name='{name}')\ndef f(name: str): pass\n"
    )
    for name, version in (("first", "1.0"), ("second", "2.0"), ("third", "2.0")):
        (tmp_path / name / f"some_lib-{version}.dist-info").mkdir(parents=True)
        path = os.pathsep.join(
            [str(tmp_path / name), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        assert process("run", "f.py", "-p", f"name={name}", PYTHONPATH=path).code == 0
    found = legato("flow-run", "diff", "first", "second", "--json").json
    assert found["packages"] == {"some-lib": {"a": "1.0", "b": "2.0"}}
    assert legato("flow-run", "diff", "second", "third", "--json").json["packages"] == {}
    shown = legato("flow-run", "diff", "first", "second").out
    assert [line.split() for line in shown.splitlines() if "some-lib" in line] == [
        ["some-lib", "1.0", "2.0"]
    ]
