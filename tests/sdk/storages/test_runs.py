"""Results of runs in storages that their options name, and reading them back."""

import subprocess
import sys
from pathlib import Path

import pytest

from legato import flow, task
from legato._sdk import storage as storages
from legato.cache_policies import INPUTS
from legato.client.orchestration import get_client
from legato.exceptions import ConfigurationError, MissingResult, UnnamedStorage
from legato.settings import temporary_settings
from legato.states import State


@pytest.fixture(autouse=True)
def told_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storages, "_given", {})


def read_back(state: State) -> State:
    assert state.state_details.flow_run_id is not None
    with get_client(sync_client=True) as client:
        found = client.read_flow_run(state.state_details.flow_run_id).state
        assert found is not None
        return found


@pytest.mark.parametrize("url", ["memory://runs/prefix", "folder", "file url"])
def test_a_result_is_kept_where_the_option_says(url: str, tmp_path: Path) -> None:
    given = {
        "folder": str(tmp_path / "results"),
        "file url": (tmp_path / "results").as_uri(),
    }.get(url, url)

    @flow(result_storage=given)
    def job() -> list[int]:
        return [1, 2]

    state = job(return_state=True)
    assert read_back(state).result() == [1, 2]


def test_the_settings_name_a_storage_for_all_large_results(tmp_path: Path) -> None:
    @flow(persist_result=True)
    def job() -> bytes:
        return b"x" * 100_000

    with temporary_settings({"RESULTS_DEFAULT_STORAGE": str(tmp_path / "here")}):
        state = read_back(job(return_state=True))
        assert len(list((tmp_path / "here").iterdir())) == 1
        assert state.result() == b"x" * 100_000
    with pytest.raises(UnnamedStorage, match="in no storage that was named here"):
        state.result()


def test_another_program_loads_it_once_it_names_the_storage(tmp_path: Path) -> None:
    @flow(result_storage=tmp_path / "results")
    def job() -> list[int]:
        return [1, 2]

    run_id = read_back(job(return_state=True)).state_details.flow_run_id
    reads = f"""
from legato import flow
from legato.client.orchestration import get_client
def result():
    with get_client(sync_client=True) as client:
        return client.read_flow_run({str(run_id)!r}).state.result()
try:
    result()
except Exception as error:
    print(type(error).__name__)
flow(result_storage={str(tmp_path / "results")!r})(len)
print(result())
"""
    ran = subprocess.run([sys.executable, "-c", reads], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["UnnamedStorage", "[1, 2]"]


def test_a_result_that_was_removed_is_missing(tmp_path: Path) -> None:
    @flow(result_storage=tmp_path / "results")
    def job() -> int:
        return 1

    state = read_back(job(return_state=True))
    for file in (tmp_path / "results").iterdir():
        file.unlink()
    with pytest.raises(MissingResult, match="is gone"):
        state.result()


def test_what_names_no_storage_is_refused_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="result_storage is 3"):
        flow(result_storage=3)(len)
    with pytest.raises(ConfigurationError, match="names no bucket"):
        task(result_storage="s3://")(len)
    task(cache_policy=INPUTS.configure(key_storage=tmp_path))(len)
    assert [found.root for found in storages.known_storages(tmp_path / "home")] == [
        str(tmp_path / "home"),
        str(tmp_path),
    ]


def test_two_file_systems_of_one_class_are_not_taken_for_each_other(tmp_path: Path) -> None:
    class Shelf:
        def __init__(self) -> None:
            self.files: dict[str, bytes] = {}

        def read_path(self, path: str) -> bytes:
            return self.files[path]

        def write_path(self, path: str, content: bytes) -> None:
            self.files[path] = content

    one, other = Shelf(), Shelf()
    storages.storage_of(one, tmp_path).write("k", b"1")
    storages.storage_of(other, tmp_path).write("k", b"2")
    assert (one.files, other.files) == ({"k": b"1"}, {"k": b"2"})


def test_a_connection_is_kept_for_the_next_who_names_the_storage(tmp_path: Path) -> None:
    first = storages.storage_of("memory://same", tmp_path)
    assert storages.storage_of("memory://same/", tmp_path) is first
    assert storages.storage_of("memory://other", tmp_path) is not first
