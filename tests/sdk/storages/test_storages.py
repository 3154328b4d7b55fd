"""Storages in folders, in memory and of the user's own; and which locations may be loaded."""

import asyncio
import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from legato._sdk import storage as storages
from legato._sdk import storage_local
from legato._sdk.exceptions import ConfigurationError, NotStored, StorageError, UnnamedStorage
from legato._sdk.result_objects import load, pack
from legato._sdk.storage import Storage, known_storages, named, storage_at, storage_of
from legato._sdk.storage_local import LocalStorage
from legato._sdk.storage_remote import RemoteStorage, without_password
from legato.settings import temporary_settings
from tests.sdk.storages.contract import CHECKS, NOW, Check


class Shelf:
    """A file system as a user writes one."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read_path(self, path: str) -> bytes:
        return self.files[path]

    def write_path(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def remove_path(self, path: str) -> None:
        self.files.pop(path, None)


class AsyncShelf:
    """The same with coroutines, and an error of its own for what is not there."""

    basepath = "second"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def read_path(self, path: str) -> bytes:
        await asyncio.sleep(0)
        if path not in self.files:
            raise ValueError(f"Path {path} does not exist.")
        return self.files[path]

    async def write_path(self, path: str, content: bytes) -> None:
        await asyncio.sleep(0)
        self.files[path] = content

    async def remove_path(self, path: str) -> None:
        self.files.pop(path, None)


@pytest.fixture(autouse=True)
def told_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storages, "_given", {})


@pytest.fixture(params=["folder", "url of a folder", "memory", "object", "async object"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    given: dict[str, Any] = {
        "folder": tmp_path / "a folder",
        "url of a folder": (tmp_path / "a folder").as_uri(),
        "memory": f"memory://{tmp_path.name}/prefix",
        "object": Shelf(),
        "async object": AsyncShelf(),
    }
    return storage_of(given[request.param], tmp_path / "home")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_storage_keeps(check: Check, storage: Storage) -> None:
    check(storage)


def test_without_a_name_it_is_the_home_s_own_or_that_of_the_settings(tmp_path: Path) -> None:
    assert storage_of(None, tmp_path).root == str(tmp_path)
    with temporary_settings({"RESULTS_DEFAULT_STORAGE": "s3://bucket/prefix/"}):
        assert storage_of(None, tmp_path).root == "s3://bucket/prefix"
        assert [found.root for found in known_storages(tmp_path)] == [
            "s3://bucket/prefix",
            str(tmp_path),
        ]


def test_relative_folders_are_of_the_moment_and_a_tilde_is_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert storage_of("results", tmp_path).root == str(tmp_path / "results")
    assert storage_of(Path("~/r"), tmp_path).root == str(tmp_path / "me" / "r")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (3, "must be a folder, a URL"),
        (Shelf, "class Shelf: give an instance"),
        ("s3://", "names no bucket"),
        ("file://host/x", "another host"),
    ],
)
def test_what_is_no_storage_is_refused(given: object, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=says):
        storage_of(given, tmp_path)


def test_an_unknown_kind_of_url_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nosuch://.*s3://"):
        storage_of("nosuch://x/y", tmp_path).write("k", b"1")


@pytest.mark.parametrize(
    ("url", "package", "install"),
    [("s3://bucket", "s3fs", "legato[s3]"), ("memory://x", "fsspec.core", "fsspec")],
)
def test_a_package_that_is_not_installed_is_named(url: str, package: str, install: str) -> None:
    program = f"""
import sys
from pathlib import Path
from legato._sdk.storage import storage_of
sys.modules[{package!r}] = None
storage_of({url!r}, Path("x")).write("k", b"1")
"""
    last = ended(program).stderr.strip().splitlines()[-1]
    assert "StorageError" in last
    assert f"pip install '{install}'" in last


def ended(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_storage_of_a_url_is_pickled_without_its_connection() -> None:
    storage = RemoteStorage("memory://pickled")
    storage.write("k", b"1")
    assert pickle.loads(pickle.dumps(storage)).read("k") == b"1"


def test_locations_show_no_password() -> None:
    assert without_password("sftp://me:secret@host:22/a:b@c") == "sftp://me@host:22/a:b@c"
    assert without_password("s3://bucket/a") == "s3://bucket/a"
    assert RemoteStorage("sftp://me:secret@host/a").location("k") == "sftp://me@host/a/k"


@pytest.mark.parametrize(
    ("one", "other"),
    [("s3://b/p", "s3a://b/p/"), ("gs://b", "gcs://b"), ("az://c/p", "abfs://c/p")],
)
def test_the_names_of_a_scheme_are_one_storage(one: str, other: str) -> None:
    assert RemoteStorage(one).key_at(RemoteStorage(other).location("k")) == "k"


def test_only_named_storages_are_loaded_from(tmp_path: Path) -> None:
    home, given = tmp_path / "home", tmp_path / "given"
    elsewhere = LocalStorage(tmp_path / "elsewhere").write("k", b"1")
    with pytest.raises(UnnamedStorage) as caught:
        storage_at(elsewhere, home)
    assert elsewhere in str(caught.value)
    assert "result_storage=" in str(caught.value)
    assert storage_at(str(home / "k"), home)[1] == "k"
    stored = storage_of(given, home).write("a/b", b"1")
    assert storage_at(stored, home)[0].read(storage_at(stored, home)[1]) == b"1"
    with temporary_settings({"RESULTS_DEFAULT_STORAGE": str(tmp_path / "elsewhere")}):
        assert storage_at(elsewhere, home)[1] == "k"
    assert named(stored, [LocalStorage(home)]) is None


def test_a_link_does_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "k").write_bytes(b"1")
    storage = LocalStorage(tmp_path / "store")
    storage.write("k", b"1")
    (tmp_path / "store" / "out").symlink_to(tmp_path / "secret")
    assert storage.key_at(str(tmp_path / "store" / "out" / "k")) is None
    with pytest.raises(ConfigurationError, match="leads out"):
        storage.read("out/k")


def test_a_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    storage = LocalStorage(tmp_path / "link")
    assert storage.key_at(storage.write("k", b"1")) == "k"


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("k", b"old")
    # A limit on the size of files stands for the end of the disk.
    program = f"""
import resource, signal
from pathlib import Path
from legato._sdk.storage_local import LocalStorage
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
LocalStorage(Path({str(tmp_path)!r})).write("k", b"x" * 2000)
"""
    last = ended(program).stderr.strip().splitlines()[-1]
    assert "StorageError" in last
    assert "there is no room left" in last
    assert str(tmp_path / "k") in last
    assert storage.read("k") == b"old"
    assert os.listdir(tmp_path) == ["k"]


def test_the_folders_of_a_key_are_as_durable_as_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(storage_local, "sync_folder", synced.append)
    LocalStorage(tmp_path / "a").write("b/c", b"1")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    LocalStorage(tmp_path / "a").write("b/d", b"1")
    assert synced[3:] == [tmp_path / "a" / "b"]


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no room left.*Make room"),
        (errno.EACCES, "this user may not.*permissions"),
        (errno.EROFS, "this user may not"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_trouble_with_a_folder_says_the_way_out(
    number: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError(number, os.strerror(number))

    LocalStorage(tmp_path).write("k", b"0")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match=says):
        LocalStorage(tmp_path).write("k", b"1")
    assert os.listdir(tmp_path) == ["k"]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="could not be written"):
        LocalStorage(tmp_path / "file").write("k", b"1")
    assert not LocalStorage(tmp_path / "file").exists("k")
    with pytest.raises(StorageError, match="could not be written: File name too long"):
        LocalStorage(tmp_path).write("k" * 300, b"1")


def test_the_error_of_a_user_s_file_system_is_the_cause(tmp_path: Path) -> None:
    class Broken(Shelf):
        def write_path(self, path: str, content: bytes) -> None:
            raise RuntimeError("the shelf fell")

        def read_path(self, path: str) -> Any:
            return "text"

    storage = storage_of(Broken(), tmp_path)
    with pytest.raises(StorageError, match="the shelf fell") as caught:
        storage.write("k", b"1")
    assert isinstance(caught.value.__cause__, RuntimeError)
    with pytest.raises(StorageError, match="gave str where bytes are due"):
        storage.read("k")


def test_an_async_file_system_is_used_also_from_a_running_loop(tmp_path: Path) -> None:
    async def both() -> bytes:
        storage = storage_of(AsyncShelf(), tmp_path)
        storage.write("k", b"1")
        return storage.read("k")

    assert asyncio.run(both()) == b"1"


def test_a_large_result_stands_in_memory_once_beside_its_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    size = 300 * 1024 * 1024
    payload = b"x" * size
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    storage.write("large", *pack(payload, serializer="pickle", created_at=NOW))
    written = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    del payload
    assert len(load(storage, "large")[1]) == size
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (written - before) * 1024 < size / 4
    assert (loaded - before) * 1024 < size / 4
    storage.remove("large")
    with pytest.raises(NotStored):
        load(storage, "large")


KILLED = """
import os, signal, sys
from pathlib import Path
from legato._sdk.storage_local import LocalStorage

def die(_):
    os.kill(os.getpid(), signal.SIGKILL)

os.fsync = die  # all of it is written by then, and nothing is safe
LocalStorage(Path(sys.argv[1])).write("key", b"x" * 1_000_000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="others have no files without a name")
def test_nothing_is_left_of_what_a_killed_process_was_writing(tmp_path: Path) -> None:
    tmp_path.joinpath("key").write_bytes(b"old")
    ran = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert LocalStorage(tmp_path).read("key") == b"old"


@pytest.mark.parametrize("missing", ["open", "link"])
def test_a_folder_without_files_that_have_no_name_holds_objects_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    plain, tried = getattr(os, missing), []

    def refuse(path: Any, *args: Any, **more: Any) -> Any:
        if missing == "open" and args[0] & os.O_TMPFILE != os.O_TMPFILE:
            return plain(path, *args, **more)
        tried.append(path)
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, missing, refuse)
    storage = LocalStorage(tmp_path)
    storage.write("key", b"old")
    storage.write("key", b"new", b"er")
    assert storage.read("key") == b"newer"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert tried or sys.platform != "linux"
