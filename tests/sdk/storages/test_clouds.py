"""Storages of Amazon, Google and Microsoft, against servers that stand for theirs."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from legato._sdk.exceptions import NotStored, StorageError
from legato._sdk.result_objects import load, pack
from legato._sdk.storage_remote import STREAMED_BYTES, RemoteStorage
from tests.sdk.storages import emulators
from tests.sdk.storages.contract import CHECKS, NOW

Start = Callable[[Path], AbstractContextManager[dict[str, str]]]


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_", "FSSPEC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def cloud(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Serve the cloud that the test names; gives the scheme of its URLs."""
    scheme, start = request.param
    with start(tmp_path) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield scheme


CLOUDS = [
    pytest.param(("s3", emulators.amazon), id="amazon"),
    pytest.param(("gs", emulators.google), id="google"),
    pytest.param(("az", emulators.microsoft), id="microsoft"),
]


# One test for each cloud: starting a server takes longer than all that is asked of it.
@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("cloud", CLOUDS, indirect=True)
def test_a_bucket_keeps_the_contract(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, check in enumerate(CHECKS):
        check(RemoteStorage(f"{cloud}://bucket/prefix{number}"))
    streamed(RemoteStorage(f"{cloud}://bucket"))
    another_process_s_objects_are_seen_at_once(f"{cloud}://bucket")
    a_bucket_that_is_not_there(RemoteStorage(f"{cloud}://nosuchbucket/x"))
    if cloud == "az":
        refused_credentials_say_so(RemoteStorage("az://bucket"), monkeypatch)


def streamed(storage: RemoteStorage) -> None:
    payload = os.urandom(1024) * (STREAMED_BYTES // 1024 + 1)
    storage.write("large", *pack(payload, serializer="json", created_at=NOW))
    assert load(storage, "large")[1] == payload


def a_bucket_that_is_not_there(storage: RemoteStorage) -> None:
    for size in (1, STREAMED_BYTES + 1):
        with pytest.raises(StorageError, match="no such bucket") as caught:
            storage.write("k", b"x" * size)
        assert storage.url in str(caught.value)
        assert caught.value.__cause__ is None
        assert len(str(caught.value)) < 600
    with pytest.raises(StorageError, match="no such bucket"):
        storage.read("k")


def another_process_s_objects_are_seen_at_once(url: str) -> None:
    one, other = RemoteStorage(url), RemoteStorage(url)
    assert not one.exists("k")
    other.write("k", b"1")
    assert one.exists("k")
    other.remove("k")
    with pytest.raises(NotStored):
        one.read("k")


def refused_credentials_say_so(storage: RemoteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        connection.replace(emulators.KEY, emulators.KEY[::-1].strip("=") + "=="),
    )
    with pytest.raises(StorageError, match="refuses the credentials") as caught:
        storage.write("k", b"1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "names"),
    [("s3://bucket/x", "AWS_ACCESS_KEY_ID"), ("az://bucket/x", "AZURE_STORAGE_CONNECTION_STRING")],
)
def test_credentials_that_are_not_there_are_asked_for(
    url: str, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match=f"no credentials for it.*{names}"):
        RemoteStorage(url).write("k", b"1")


def test_an_endpoint_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{emulators.free_port()}")
    storage = RemoteStorage("s3://bucket/x")
    for attempt in (lambda: storage.write("k", b"1"), lambda: storage.read("k")):
        with pytest.raises(StorageError, match=r"cannot be reached.*AWS_ENDPOINT_URL"):
            attempt()
