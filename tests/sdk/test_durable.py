"""A durable run goes on where it stopped: finished steps do not run again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from legato import durable, flow, task
from legato._backend.current import current
from legato._sdk import resumption
from legato.client.orchestration import get_client

SCRIPT = Path(__file__).with_name("durable_flow.py")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def run(home: Path, ledger: Path) -> Run:
    """Call a Python program with the home and the ledger of the test."""

    def call(*args: str, die_at: str = "") -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "LEDGER": str(ledger), "LEGATO_HOME": str(home), "DIE_AT": die_at}
        command = [sys.executable, *args]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    return call


CONCURRENT = ("mapped", "gathered")
"""Flows with more than one unfinished step at a time, each of which may have to run again."""


def completed_by_key() -> Counter[tuple[Any, str]]:
    """Count how often each step was finished."""
    with get_client(sync_client=True) as client:
        runs = [run for run in client.read_task_runs(limit=200) if run.state_name == "Completed"]
    return Counter((run.flow_run_id, run.dynamic_key) for run in runs)


def resume(
    run: Run, name: str, die_at: str = "", dry_run: bool = False
) -> subprocess.CompletedProcess[str]:
    with get_client(sync_client=True) as client:
        flow_id = next(each.id for each in client.read_flows() if each.name == name)
        (found,) = [each for each in client.read_flow_runs() if each.flow_id == flow_id]
    more = ["--dry-run"] if dry_run else []
    return run("-m", "legato", "flow-run", "resume", str(found.id), *more, die_at=die_at)


@pytest.mark.parametrize(
    ("name", "lines", "places"),
    [
        ("ten", [f"step {n}" for n in range(10)], ["step 0", "step 4", "step 9"]),
        (
            "nested",
            [f"step {n}" for n in (1, 20, 21, 22, 4, 50, 51, 52)],
            ["step 1", "step 21", "step 4", "step 52"],
        ),
        ("mapped", [f"step {n}" for n in range(200)], ["step 100"]),
        ("gathered", [f"step {n}" for n in (10, 11, 20, 21)], ["step 10", "step 11", "step 21"]),
        ("clocked", ["timed", "step 1"], ["step 1"]),
    ],
)
def test_what_was_finished_before_kill_9_does_not_run_again(name, lines, places, run, ledger):
    assert run(str(SCRIPT), name, die_at=places[0]).returncode == -9
    for number, place in enumerate(places):
        last = number == len(places) - 1
        done = resume(run, name, die_at="" if last else places[number + 1])
        assert done.returncode == (0 if last else -9), done.stderr
        assert place in ledger.read_text()
    counts = Counter(ledger.read_text().splitlines())
    assert set(counts) == set(lines)
    assert max(counts.values()) <= 1 + len(places)
    if name not in CONCURRENT:
        assert {line for line, count in counts.items() if count > 1} <= set(places)
        assert max(counts.values()) <= 2
    assert max(completed_by_key().values()) == 1


def test_what_has_a_class_of_the_script_has_it_after_a_resume(run, ledger):
    """The command loads the script under another name than the interpreter did."""
    assert run(str(SCRIPT), "classes", die_at="step 1").returncode == -9
    done = resume(run, "classes")
    assert "2 finished steps will not run again" in done.stderr
    assert ledger.read_text().split("step 1\n") == ["pickle True\njson True\n"] * 2 + [""]


BEFORE = """
from helpers import SIZE
from legato import flow, task

@task
def load():
    return SIZE

@task
def check(number):
    return number

@flow(durable=True)
def etl():
    number = load()
    check(number)
    raise SystemExit("on its way")

if __name__ == "__main__":
    etl()
"""


def test_the_plan_says_what_changed_in_the_code_and_what_it_does_not_ask_for(run, tmp_path, rows):
    folder = tmp_path / "project"
    folder.mkdir()
    script, helpers = folder / "etl.py", folder / "helpers.py"
    script.write_text(BEFORE)
    helpers.write_text("SIZE = 1")
    assert run(str(script)).returncode == 1
    plan = resume(run, "etl", dry_run=True).stderr
    assert "2 steps reused, 0 steps run again\n" in plan
    assert "changed" not in plan
    assert "no more" not in plan
    script.write_text(BEFORE.replace("check", "verify").replace("raise", "#"))
    helpers.write_text("SIZE = 2")
    plan = resume(run, "etl", dry_run=True).stderr
    assert "The code has changed since attempt 1: etl.py, helpers.py\n" in plan
    assert "Defined no more, so not asked for: check-0\n" in plan
    done = resume(run, "etl")
    assert done.returncode == 0, done.stderr
    assert "1 finished step was not asked for any more: check-0" in done.stderr
    (name,) = [name for (name,) in rows("select name from flow_run")]
    shown = run("-m", "legato", "flow-run", "inspect", name).stdout
    codes = re.findall(r"^  (\d)  process \d+ on .*, code (\w+)", shown, re.MULTILINE)
    assert [number for number, _ in codes] == ["1", "2"]
    assert len({code for _, code in codes}) == 2


def test_a_retry_of_a_durable_flow_does_not_repeat_finished_steps():
    calls: list[int] = []

    @task
    def count(number: int) -> int:
        calls.append(number)
        return number

    @flow(durable=True, retries=2)
    def etl() -> list[int]:
        found = [count(1), count(2)]
        if len(calls) < 4:
            count(len(calls) + 10)
            raise ValueError("on its way")
        return found

    assert etl() == [1, 2]
    assert calls == [1, 2, 12, 13]


@task
def double(number: int) -> int:
    return 2 * number


def test_parameters_that_json_lacks_are_there_again():
    seen: list[Any] = []

    @flow(durable=True, validate_parameters=False)
    def etl(pair: Any) -> None:
        seen.append(pair)
        if len(seen) == 1:
            raise ValueError("on its way")

    state = etl((1, {2, 3}), return_state=True)
    resumption.resume(state.state_details.flow_run_id, flow=etl)
    assert seen == [(1, {2, 3})] * 2


def test_one_of_two_that_resume_a_run_is_told_who_has_it():
    refusals: list[str] = []

    @flow(durable=True)
    def etl(again: bool = False) -> None:
        if not tries:
            tries.append(1)
            raise ValueError("on its way")
        try:
            resumption.resume(run_id, flow=etl)
        except Exception as error:  # noqa: BLE001 - it is looked at below
            refusals.append(str(error))

    tries: list[int] = []
    run_id = etl(return_state=True).state_details.flow_run_id
    resumption.resume(run_id, flow=etl)
    assert len(refusals) == 1
    assert f"process {os.getpid()}" in refusals[0]
    with pytest.raises(Exception, match="nothing to resume"):
        resumption.resume(run_id, flow=etl)


def test_a_result_that_cannot_be_stored_makes_the_step_run_again(caplog):
    calls: list[str] = []

    @task
    def connect() -> Any:
        calls.append("connect")
        return (item for item in (1, 2)).gi_frame

    @flow(durable=True)
    def etl() -> None:
        connect()
        double(1)
        if len(calls) == 1:
            raise ValueError("on its way")

    run_id = etl(return_state=True).state_details.flow_run_id
    assert "connect-0 runs again on resume" in caplog.text
    plan = {planned.step.name: planned.why for planned in resumption.plan_of(run_id)}
    assert plan == {"connect-0": resumption.NOT_STORED, "double-0": ""}
    resumption.resume(run_id, flow=etl)
    assert calls == ["connect", "connect"]


def test_persist_result_false_and_secrets_are_not_stored(home):
    pydantic = pytest.importorskip("pydantic")

    @task
    def secret() -> Any:
        return {"key": pydantic.SecretStr("hush-hush")}

    @task(persist_result=False)
    def private() -> str:
        return "hush-hush"

    @flow(durable=True, persist_result=False)
    def etl() -> None:
        secret()
        private()

    etl()
    assert b"hush-hush" not in (home / "legato.db").read_bytes()


def test_bad_options_are_told():
    with pytest.raises(ValueError, match="on_replay_change must be one of 'rerun', 'reuse'"):
        flow(durable=True, on_replay_change="maybe")(lambda: None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of True, False, 'local', not 'maybe'"):
        flow(durable="maybe")(lambda: None)  # type: ignore[arg-type]


def test_time_ids_and_chance_are_the_same_after_a_resume():
    seen: list[Any] = []

    @flow(durable=True)
    def etl() -> None:
        seen.append((durable.now(), durable.uuid4(), durable.random()))
        durable.sleep(0.01)
        if len(seen) == 1:
            raise ValueError("on its way")

    run_id = etl(return_state=True).state_details.flow_run_id
    durable.resume(run_id, flow=etl)
    assert seen[0] == seen[1]
    assert durable.uuid4() != durable.uuid4()


def test_the_plan_says_which_steps_run_again_and_why(run, ledger):
    assert run(str(SCRIPT), "nested", die_at="step 21").returncode == -9
    done = resume(run, "nested")
    assert "1 step reused, 1 step run again" in done.stderr
    assert "inner-0: it goes on where it stopped (Crashed)" in done.stderr


def test_steps_are_safe_in_a_row_of_their_own_even_if_a_batch_is_due(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = current().journal
    kept: list[bool] = []
    keep_ahead = journal.keep_ahead
    monkeypatch.setattr(journal, "keep_ahead", lambda *of: kept.append(keep_ahead(*of)) or kept[-1])
    # on a busy machine it would commit a step before this thread comes to keep it
    monkeypatch.setattr(journal._scribe, "_drain", lambda: None)

    @task
    def step(x: int) -> int:
        journal._scribe.due = True
        return x

    @flow(durable=True)
    def steps() -> int:
        return sum(step(x) for x in range(5))

    assert steps() == 10
    assert kept == [True] * 5
    assert len(completed_by_key()) == 5
