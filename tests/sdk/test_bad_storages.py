"""Results that cannot be stored or read: clear states, and nothing is called done that is lost.

What each storage says is in tests/sdk/storages; here is what becomes of runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from legato import flow, task
from legato._sdk import resumption
from legato._sdk.exceptions import StorageError
from legato.cache_policies import INPUTS
from legato.client.orchestration import get_client
from legato.exceptions import MissingResult

KINDS: dict[str, dict[str, Any]] = {
    "kept": {"persist_result": True},
    "cached": {"cache_policy": INPUTS},
    "durable": {},
    "durable and kept": {"persist_result": True},
}
FULL = """
import json, resource, signal, sys
from legato import flow, task
from legato.cache_policies import INPUTS
from tests.sdk.test_bad_storages import KINDS

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def job(kind):
    @task(**KINDS[kind])
    def make(size):
        return b"x" * size

    states = []
    @flow(durable=kind.startswith("durable"), flow_run_name=kind)
    def run():
        for size in (2_000_000, 100_000):  # the second one fits
            states.append(make(size, return_state=True))
    run()
    return [[state.name, state.message] for state in states]

# the database is far from it
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
print(json.dumps({kind: job(kind) for kind in KINDS}))
"""


LARGE = """
import re
from legato import flow, task
from legato.client.orchestration import get_client

def peak():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\\s+(\\d+)", file.read())[1]) // 1024

@task(persist_result=True)
def make():
    value = b"x" * (MEGABYTES << 20)
    before.append(peak())
    return value

@flow
def job():
    make()

before = []
job()
print(peak() - before[0])
"""


def stored() -> dict[str, list[Any]]:
    """The names and values of the task runs of each flow run, as another process reads them."""
    found: dict[str, list[Any]] = {}
    with get_client(sync_client=True) as client:
        for flow_run in client.read_flow_runs():
            runs = [run for run in client.read_task_runs() if run.flow_run_id == flow_run.id]
            found[flow_run.name] = [
                (run.state_name, value_of(run.state)) for run in sorted(runs, key=lambda r: r.id)
            ]
    return found


def value_of(state: Any) -> Any:
    """What can be read: a value, or what kind of error says that there is none."""
    try:
        value = state.result(raise_on_failure=False)
    except MissingResult:
        return MissingResult
    return type(value) if isinstance(value, Exception) else len(value)


def test_a_full_storage_fails_what_was_to_be_kept(home: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, list[tuple[str, str]]] = json.loads(ran.stdout.splitlines()[-1])
    for kind in ("kept", "cached", "durable and kept"):
        (name, message), (second, _) = said[kind]
        assert (name, second) == ("Failed", "Completed")
        assert message.startswith("The result could not be stored: StorageError: ")
        assert "there is no room left" in message
    assert [name for name, _ in said["durable"]] == ["Completed", "Completed"]
    assert ran.stderr.count("runs again on resume") == 1
    found = stored()
    for kind in ("kept", "cached", "durable and kept"):
        assert [name for name, _ in found[kind]] == ["Failed", "Completed"]
        assert found[kind][1][1] == 100_000
    assert found["durable"] == [("Completed", MissingResult), ("Completed", 100_000)]
    assert not [name for name in os.listdir(home / "storage") if name.endswith(".tmp")]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for memory")
def test_a_large_result_stands_in_memory_once_beside_its_value(home: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LARGE.replace("MEGABYTES", "64")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 48 < int(ran.stdout) < 96
    with get_client(sync_client=True) as client:
        (run,) = client.read_task_runs()
    assert run.state is not None
    assert len(run.state.result()) == 64 << 20


@pytest.mark.parametrize("kind", ["kept", "cached", "durable and kept"])
@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("no pickle", "SerializationError: A lock cannot be pickled"),
        ("unreachable", "StorageError: .*Down/.* could not be written: .*Network is unreachable"),
    ],
)
def test_what_cannot_be_stored_is_failed(kind: str, trouble: str, says: str) -> None:
    class Down:
        def read_path(self, path: str) -> bytes:
            raise OSError(101, "Network is unreachable")

        def write_path(self, path: str, content: bytes) -> None:
            raise OSError(101, "Network is unreachable")

    calls: list[int] = []
    where = {"result_storage": Down()} if trouble == "unreachable" else {}

    @task(**KINDS[kind], **where)
    def make(number: int) -> Any:
        calls.append(number)
        return "text" if where else threading.Lock()

    @flow(durable=kind.startswith("durable"))
    def job() -> None:
        make(1, return_state=True)
        make(1)

    with pytest.raises(Exception, match=says.partition(": ")[2]):
        job()
    assert calls == [1, 1]  # what failed is in no cache
    with get_client(sync_client=True) as client:
        states = [run.state for run in client.read_task_runs()]
        (found,) = client.read_flow_runs()
    assert found.state_name == "Failed"
    for state in states:
        assert state is not None
        assert state.name == "Failed"
        assert state.message is not None
        assert state.message.startswith("The result could not be stored: ")


def test_a_corrupt_cached_result_is_made_again_and_replaced(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    @task(cache_policy=INPUTS)
    def large(number: int) -> bytes:
        calls.append(number)
        return b"x" * 100_000

    large(1)
    (path,) = (home / "storage").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    assert large(1, return_state=True).name == "Completed"
    assert "not taken from the cache: CorruptResult" in caplog.text
    assert large(1, return_state=True).name == "Cached"
    assert calls == [1, 1]


def test_a_finished_step_whose_result_is_corrupt_runs_again(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    @task
    def large() -> bytes:
        calls.append("large")
        return b"x" * 100_000

    @task
    def small() -> int:
        calls.append("small")
        return 1

    @flow(durable=True)
    def etl() -> int:
        size = len(large()) + small()
        if len(calls) == 2:
            raise ValueError("on its way")
        return size

    run_id = etl(return_state=True).state_details.flow_run_id
    (path,) = (home / "storage").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert resumption.resume(run_id, flow=etl) == 100_001
    assert calls == ["large", "small", "large"]
    assert "large-0 runs again: its result cannot be read. CorruptResult" in caplog.text


def test_a_finished_step_does_not_run_again_because_its_result_is_out_of_reach(home: Path) -> None:
    calls: list[str] = []
    ready = threading.Event()

    @task
    def large() -> bytes:
        calls.append("large")
        return b"x" * 100_000

    @flow(durable=True)
    def etl() -> int:
        size = len(large())
        if not ready.is_set():
            raise ValueError("on its way")
        return size

    run_id = etl(return_state=True).state_details.flow_run_id
    ready.set()
    (path,) = (home / "storage").iterdir()
    aside = path.rename(home / "aside")
    path.mkdir()
    with pytest.raises(StorageError) as caught:
        resumption.resume(run_id, flow=etl)
    assert "is finished; resume when" in "".join(caught.value.__notes__)
    path.rmdir()
    aside.rename(path)
    assert resumption.resume(run_id, flow=etl) == 100_000
    assert calls == ["large"]
