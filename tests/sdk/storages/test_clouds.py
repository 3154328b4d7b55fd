"""Storages of Amazon, Google and Microsoft, against servers that stand for theirs."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from legato import flow, task
from legato._sdk.exceptions import NotStored, StorageError
from legato._sdk.result_objects import load, pack
from legato._sdk.storage_errors import Settings, told
from legato._sdk.storage_remote import STREAMED_BYTES, RemoteStorage
from legato.client.orchestration import get_client
from legato.task_runners import ProcessPoolTaskRunner
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
def test_a_bucket_keeps_the_contract(
    cloud: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    storage = RemoteStorage(f"{cloud}://bucket/prefix")
    for check in CHECKS:
        check(storage)
    streamed(storage)
    another_process_s_objects_are_seen_at_once(f"{cloud}://bucket")
    runs_keep_their_results(cloud, caplog)
    a_bucket_that_is_not_there(RemoteStorage(f"{cloud}://nosuchbucket/x"))
    if cloud == "az":
        refused_credentials_say_so(RemoteStorage("az://bucket"), monkeypatch)


def streamed(storage: RemoteStorage) -> None:
    payload = os.urandom(1024) * (STREAMED_BYTES // 1024 + 1)
    storage.write("large", *pack(payload, serializer="json", created_at=NOW))
    assert load(storage, "large")[1] == payload


def runs_keep_their_results(cloud: str, caplog: pytest.LogCaptureFixture) -> None:
    @task(
        result_storage=f"{cloud}://bucket/tasks",
        result_storage_key="{parameters[number]}.json",
        result_serializer="json",
    )
    def double(number: int) -> dict[str, int]:
        return {"double": 2 * number}

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def job() -> dict[str, int]:
        return double.submit(2).result()

    assert job() == {"double": 4}
    assert RemoteStorage(f"{cloud}://bucket/tasks").exists("2.json")
    with get_client(sync_client=True) as client:
        (found,) = client.read_task_runs()
        assert found.state is not None
        assert found.state.result() == {"double": 4}

    @flow(result_storage=f"{cloud}://nosuchbucket/x")
    def lost() -> int:
        return 1

    state = lost(return_state=True)
    assert state.is_failed()
    assert state.message is not None
    assert state.message.startswith("The result could not be stored: StorageError")
    with pytest.raises(StorageError, match="no such bucket"):
        lost()
    assert not [said for said in caplog.messages if "credentials" in said]


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


def raised(kind: str, text: str, *bases: type[Exception]) -> Exception:
    """Return an error as a library of a cloud raises it; only its names and words are looked at."""
    found: Exception = type(kind, bases or (Exception,), {})(text)
    return found


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError("The AWS Access Key Id does not exist in our records."), "refuses"),
        (
            raised("ClientError", "An error occurred (SignatureDoesNotMatch) when calling"),
            "refuses",
        ),
        (raised("HttpError", "Anonymous caller does not have storage.objects.create"), "no cred"),
        (OSError("Forbidden: https://storage/b/o\nNo access"), "refuses"),
        (raised("RefreshError", "Token has been revoked"), "refuses"),
        (raised("HttpError", "Invalid Credentials, 401"), "refuses"),
        (raised("DefaultCredentialsError", "Your default credentials were not found"), "no cred"),
        (raised("ServiceRequestError", "Cannot connect to host x:443"), "cannot be reached"),
        (raised("FSTimeoutError", "", TimeoutError), "cannot be reached"),
        (raised("ParamValidationError", 'Invalid bucket name "A B"'), "cannot have that name"),
        (FileNotFoundError("bucket/x"), "no such bucket"),
        (OSError(28, "No space left on device"), "no room left"),
        (raised("Odd", "what nobody\nexpected"), r"what nobody\.$"),
    ],
)
def test_what_a_cloud_says_is_put_into_words(error: Exception, says: str) -> None:
    found = told(error, "written", "gs://bucket/k403", Settings("set X", "Y"))
    assert re.search(says, str(found))
    assert "\n" not in str(found)
    assert str(found).startswith("gs://bucket/k403 could not be written: ")
