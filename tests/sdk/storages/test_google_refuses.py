"""Google's storage refuses credentials: its real client, a key of a service account, HTTP."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from legato._sdk.exceptions import StorageError
from legato._sdk.storage_remote import RemoteStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROBOT = "robot@project.iam.gserviceaccount.com"
TOKEN = {"access_token": "known", "expires_in": 3600, "token_type": "Bearer"}
REVOKED = {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}
UNKNOWN = {"error": {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}}
FORBIDDEN = {
    "error": {
        "code": 403,
        "message": f"{ROBOT} does not have storage.objects access to the Google Cloud Storage"
        " object. Permission denied on resource (or it may not exist).",
    }
}


class Google(BaseHTTPRequestHandler):
    """Gives tokens and answers for the storage, as Google does to who may not."""

    token: ClassVar[tuple[int, dict[str, Any]]]
    answer: ClassVar[tuple[int, dict[str, Any]]]
    shown: ClassVar[list[str | None]]

    def do_GET(self) -> None:
        self.shown.append(self.headers["Authorization"])
        self._say(*self.answer)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/token":
            self._say(*self.token)
        else:
            self.do_GET()

    def _say(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def key_of_service_account(token_uri: str) -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "client_email": ROBOT,
        "private_key": private.decode(),
        "private_key_id": "1",
        "token_uri": token_uri,
    }


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Google]]:
    """Serve Google, and have its client find a key of a service account."""
    config = pytest.importorskip("fsspec.config")
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "STORAGE_", "FSSPEC_")):
            monkeypatch.delenv(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), Google) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        key = tmp_path / "key.json"
        key.write_text(json.dumps(key_of_service_account(f"{url}/token")))
        monkeypatch.setitem(config.conf, "gs", {"token": str(key)})
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        monkeypatch.setattr(Google, "shown", [], raising=False)
        yield Google
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("token", "answer", "shown"),
    [
        pytest.param((400, REVOKED), (500, {}), set[str](), id="no token for the key"),
        pytest.param((200, TOKEN), (401, UNKNOWN), {"Bearer known"}, id="not this token"),
        pytest.param((200, TOKEN), (403, FORBIDDEN), {"Bearer known"}, id="no permission"),
    ],
)
def test_credentials_that_google_refuses_are_told(
    google: type[Google],
    monkeypatch: pytest.MonkeyPatch,
    token: tuple[int, dict[str, Any]],
    answer: tuple[int, dict[str, Any]],
    shown: set[str],
) -> None:
    monkeypatch.setattr(google, "token", token, raising=False)
    monkeypatch.setattr(google, "answer", answer, raising=False)
    storage = RemoteStorage("gs://bucket/x")

    def refused(write: bool) -> str:
        with pytest.raises(StorageError, match="refuses the credentials") as caught:
            storage.write("k", b"1") if write else storage.read("k")
        return str(caught.value)

    with ThreadPoolExecutor() as pool:  # at the same time: the client pauses before it tries again
        said = list(pool.map(refused, (True, False)))
    for text, deed in zip(said, ("written", "read"), strict=True):
        assert text.startswith(f"gs://bucket/x/k could not be {deed}: ")
        assert "GOOGLE_APPLICATION_CREDENTIALS" in text
        assert "\n" not in text
    assert set(google.shown) == shown
