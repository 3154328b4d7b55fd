"""Storages of Amazon, Google and Microsoft, against servers that stand for theirs."""

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
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
    if cloud != "gs":  # its emulator takes everybody
        with_other_credentials(cloud, monkeypatch)
        refused_credentials_say_so(RemoteStorage(f"{cloud}://bucket"))


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


def with_other_credentials(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Come with credentials that the emulator does not know."""
    if cloud == "s3":
        emulators.know_no_key(os.environ["AWS_ENDPOINT_URL"])
        return
    connection = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    other = emulators.KEY[::-1].strip("=") + "=="
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection.replace(emulators.KEY, other))


def refused_credentials_say_so(storage: RemoteStorage) -> None:
    for asked in (lambda: storage.write("k", b"1"), lambda: storage.read("k")):
        with pytest.raises(StorageError, match="refuses the credentials") as caught:
            asked()
        assert "\n" not in str(caught.value)


def test_google_without_credentials_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(BaseHTTPRequestHandler):
        """Answers as Google does to who is nobody; its emulator takes everybody."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            message = "Anonymous caller does not have storage.objects.create access."
            self.send_response(401)
            self.end_headers()
            self.wfile.write(json.dumps({"error": {"code": 401, "message": message}}).encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        asked = "no credentials for it.*GOOGLE_APPLICATION_CREDENTIALS"
        with pytest.raises(StorageError, match=asked):
            RemoteStorage("gs://bucket/x").write("k", b"1")
        server.shutdown()


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


class Deaf:
    """A server that hangs up on everybody, and counts them."""

    def __init__(self) -> None:
        self.callers = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._socket.accept()[0].close()
                self.callers += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def deaf() -> Iterator[dict[str, Deaf]]:
    servers = {scheme: Deaf() for scheme in ("s3", "gs", "az")}
    yield servers
    for server in servers.values():
        server.close()


def test_an_endpoint_that_does_not_answer_is_soon_given_up(
    deaf: dict[str, Deaf], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", deaf["s3"].url)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", deaf["gs"].url)
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    account = emulators.microsoft_connection(deaf["az"].url)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", account)

    def ask(scheme: str, write: bool) -> str:
        storage = RemoteStorage(f"{scheme}://bucket/x")
        with pytest.raises(StorageError, match=r"cannot be reached") as caught:
            storage.write("k", b"1") if write else storage.read("k")
        return str(caught.value)

    # at the same time: they wait before they try again
    with ThreadPoolExecutor() as pool:
        asked = {
            (scheme, write): pool.submit(ask, scheme, write)
            for scheme in deaf
            for write in (True, False)
        }
        said = {scheme: found.result() for (scheme, _), found in asked.items()}
    assert "AWS_ENDPOINT_URL" in said["s3"]
    assert "STORAGE_EMULATOR_HOST" in said["gs"]
    assert "AZURE_STORAGE_CONNECTION_STRING" in said["az"]
    # a write and a read, each tried twice; where it was hung up on, aiohttp calls a second time
    assert all(4 <= server.callers <= 8 for server in deaf.values())


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
