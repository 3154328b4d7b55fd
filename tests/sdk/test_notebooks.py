"""Flows in the cells of a notebook, with a real kernel."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

manager = pytest.importorskip("jupyter_client.manager", reason="needs jupyter_client")
pytest.importorskip("ipykernel", reason="needs ipykernel")


@pytest.fixture
def kernel(home: Path) -> Iterator[Any]:
    """Start a kernel that records into the test's home."""
    running, client = manager.start_new_kernel(kernel_name="python3")
    try:
        yield client
    finally:
        client.stop_channels()
        running.shutdown_kernel(now=True)


def run(client: Any, code: str) -> tuple[str, str, str]:
    """Run a cell; return its status, and what it wrote to stdout and stderr."""
    written = {"stdout": "", "stderr": ""}

    def collect(message: Any) -> None:
        if message["msg_type"] == "stream":
            written[message["content"]["name"]] += message["content"]["text"]

    reply = client.execute_interactive(code, timeout=60, output_hook=collect)
    return reply["content"]["status"], written["stdout"], written["stderr"]


def read(home: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(home / "legato.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_flow_in_a_cell_is_committed_when_the_call_returns(kernel: Any, home: Path) -> None:
    code = "from legato import flow\n@flow(name='cell')\ndef f():\n    return 1\nprint(f())"
    status, out, err = run(kernel, code)
    assert (status, out) == ("ok", "1\n")
    assert "Finished in state Completed()" in err
    states = read(home, "select name from flow_run_state order by version")
    assert [name for (name,) in states][-1] == "Completed"
    again = code.replace("return 1", "return 2")
    assert run(kernel, again)[1] == "2\n"
    assert read(home, "select count(*) from flow") == [(1,)]
    assert read(home, "select count(*) from flow_run") == [(2,)]


def test_async_flows_are_awaited_at_top_level(kernel: Any, home: Path) -> None:
    code = "from legato import flow\n@flow\nasync def g():\n    return 3\nprint(await g())"
    status, out, _ = run(kernel, code)
    assert (status, out) == ("ok", "3\n")
    assert read(home, "select count(*) from flow_run") == [(1,)]
