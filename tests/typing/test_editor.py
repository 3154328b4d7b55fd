"""What an editor shows of flows and tasks: a real language server is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = '''\
from legato import flow, task


@task(retries=1)
def price(item: str, *, vat: float = 0.2) -> float:
    """Return the price of an item."""
    return len(item) * (1 + vat)


@flow
async def shop(name: str) -> float:
    """Sell all day."""
    return price(name)


class Counter:
    @task
    def sell(self, item: str) -> int:
        """Sell one item."""
        return len(item)


price("tea")
shop("corner")
Counter().sell("tea")
price.submit("tea")
'''


class Editor:
    """Speaks to pyright's language server about one open file."""

    def __init__(self, path: Path) -> None:
        self.uri = path.as_uri()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyright.langserver", "--stdio"],
            cwd=path.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._asked = 0
        folder = path.parent.as_uri()
        hover = {"contentFormat": ["plaintext"]}
        self.ask(
            "initialize",
            processId=os.getpid(),
            rootUri=folder,
            workspaceFolders=[{"uri": folder, "name": "shop"}],
            capabilities={"textDocument": {"hover": hover}, "workspace": {"configuration": True}},
        )
        self._send(method="initialized", params={})
        document = {"uri": self.uri, "languageId": "python", "version": 1, "text": SOURCE}
        self._send(method="textDocument/didOpen", params={"textDocument": document})

    def at(self, method: str, text: str, offset: int) -> Any:
        """Ask about a place in the last line that holds `text`."""
        lines = SOURCE.splitlines()
        line = max(number for number, found in enumerate(lines) if text in found)
        position = {"line": line, "character": lines[line].index(text) + offset}
        asked = {"textDocument": {"uri": self.uri}, "position": position}
        return self.ask(f"textDocument/{method}", **asked)

    def ask(self, method: str, **params: Any) -> Any:
        """Return the answer to a request; the server's own questions get their defaults."""
        self._asked += 1
        self._send(id=self._asked, method=method, params=params or None)
        while True:
            message = self._receive()
            if "method" in message:
                if "id" in message:
                    items = (message.get("params") or {}).get("items", [])
                    self._send(id=message["id"], result=[{} for _ in items])
            elif message["id"] == self._asked:
                return message["result"]

    def close(self) -> None:
        self.ask("shutdown")
        self._send(method="exit")
        self._process.communicate(timeout=30)

    def _send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self._process.stdout.read(length))


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    path = tmp_path / "shop.py"
    path.write_text(SOURCE)
    editor = Editor(path)
    yield editor
    editor.close()


def test_hover_and_definition_lead_to_the_users_function(editor: Editor) -> None:
    for call, name, signature, doc in (
        ('price("', "price", "(item: str, *, vat: float = 0.2)", "Return the price of an item."),
        ('shop("', "shop", "(name: str)", "Sell all day."),
        ('sell("', "sell", "(item: str)", "Sell one item."),
    ):
        shown = editor.at("hover", call, 1)["contents"]["value"]
        assert signature in shown
        assert doc in shown
        [place] = editor.at("definition", call, 1)
        assert place["uri"] == editor.uri
        defined = SOURCE.splitlines()[place["range"]["start"]["line"]]
        assert f"def {name}(" in defined
        first, *_ = editor.at("signatureHelp", call, call.index("(") + 1)["signatures"]
        assert first["label"].startswith(signature)
    submit = editor.at("signatureHelp", 'submit("', len("submit("))["signatures"]
    assert submit[0]["label"] == "(item: str, *, vat: float = 0.2) -> Future[float]"
