"""How a keeper talks to its server, with the standard library alone: requests, and a websocket.

Over the websocket it hears that a run is cancelled, so that it asks at once. It reads no more of a
frame than it has to: what became of a run is said by the answer to a renewal.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import time

TYPE_CHECKING = False  # `typing` itself is a megabyte
if TYPE_CHECKING:
    from typing import Any

CONNECT_SECONDS, ANSWER_SECONDS, ANSWER_BYTES = 3.0, 5.0, 1 << 20
_PATH = "/run_changes/out"
_HEAD_MAX, _FRAME_MAX = 1 << 16, 1 << 20
_RUNS_MAX = 200
"""Of more runs, those of everybody are heard of."""
_END, _PING, _PONG, _TEXT = 8, 9, 10, 1


class Stream:
    """Tells that one of the runs is cancelled; nothing is left out from the first frame on.

    Raises OSError or ValueError if the connection does not become one.
    """

    def __init__(
        self, connection: socket.socket, head: str, path: str, token: str | None, runs: list[str]
    ) -> None:
        """`head`: the lines with the host and all that says who asks."""
        self._connection = connection
        key = base64.b64encode(os.urandom(16)).decode()
        self._connection.sendall(
            f"GET {path}{_PATH} HTTP/1.1\r\n{head}Connection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prefect\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self._rest = self._upgraded()
        wanted: dict[str, object] = {"state": {"type": {"any_": ["CANCELLING", "CANCELLED"]}}}
        if len(runs) <= _RUNS_MAX:
            wanted["run_id"] = {"any_": runs}
        self._say(_TEXT, json.dumps({"type": "auth", "token": token}).encode())
        self._say(_TEXT, json.dumps({"type": "filter", "filter": wanted}).encode())
        connection.setblocking(False)

    def fileno(self) -> int:
        """Return what is readable when something has come."""
        return self._connection.fileno()

    def close(self) -> None:
        """Hear nothing any more."""
        self._connection.close()

    def heard(self) -> bool:
        """Take in what has come; tell whether something was told. Raises OSError at the end."""
        told = False
        while part := self._received():
            self._rest += part
            while (frame := self._frame()) is not None:
                kind, content = frame
                if kind == _END:
                    raise ConnectionError("the server has ended the stream")
                if kind == _PING:
                    self._say(_PONG, content)
                told = told or kind < _END
        return told

    def _received(self) -> bytes:
        """Return what is there; nothing: no more by now. Raises ConnectionError at the end."""
        try:
            part = self._connection.recv(65536)
        except BlockingIOError:
            return b""
        except OSError as error:
            if type(error).__name__ == "SSLWantReadError":  # where `ssl` is not loaded, it is none
                return b""
            raise
        if not part:
            raise ConnectionError("the stream has ended")
        return part

    def _upgraded(self) -> bytes:
        """Read the answer; return what has come behind it."""
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = self._connection.recv(65536)
            if not part or len(answer) > _HEAD_MAX:
                raise ConnectionError("the server does not answer")
            answer += part
        head, _, rest = answer.partition(b"\r\n\r\n")
        if head[9:12] != b"101":
            raise ValueError("no stream comes through")
        return rest

    def _frame(self) -> tuple[int, bytes] | None:
        """Return kind and content of the next frame, once it is there as a whole."""
        rest = self._rest
        if len(rest) < 2:
            return None
        size, start = rest[1] & 127, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(rest[2:start], "big")
        if size > _FRAME_MAX:
            raise ValueError("the frame is too large")
        if len(rest) < start + size:
            return None
        self._rest = rest[start + size :]
        return rest[0] & 15, rest[start : start + size]

    def _say(self, kind: int, content: bytes) -> None:
        size, key = len(content), os.urandom(4)
        long = b"" if size < 126 else size.to_bytes(2, "big")
        head = bytes([128 | kind, 128 | (min(126, size))]) + long + key
        masked = bytes(byte ^ key[index & 3] for index, byte in enumerate(content))
        self._connection.sendall(head + masked)


class Server:
    """The API of a server; each request has a connection of its own."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._host, self._port = config["host"], config["port"]
        self._secure, self._path = config["secure"], config["path"]
        self._headers, self._proxy = _lines(config["headers"]), config["proxy"]
        self._root, self._token = config.get("root", ""), config.get("token")

    def post(self, path: str, content: object) -> tuple[int, Any]:
        """Return status and JSON of an answer; raise OSError or ValueError if there is none."""
        body = json.dumps(content).encode()
        head = (  # HTTP/1.0: the answer comes in one piece and the connection ends behind it
            f"POST {self._path}{path} HTTP/1.0\r\nHost: {self._authority()}\r\n{self._headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with self._connected() as connection:
            connection.sendall(head.encode() + body)
            answer = _all_of(connection)
        lines, _, found = answer.partition(b"\r\n\r\n")
        status = int(lines[9:12])  # behind "HTTP/1.1 "
        return status, json.loads(found) if status == 200 else None

    def stream(self, runs: list[str]) -> Stream:
        """Follow the changes of runs; raise OSError or ValueError if that cannot be."""
        connection = self._connected(tunnel=True)
        try:
            head = f"Host: {self._authority()}\r\n{self._headers}"
            return Stream(connection, head, self._root, self._token, runs)
        except BaseException:
            connection.close()
            raise

    def _connected(self, *, tunnel: bool = False) -> socket.socket:
        at = tuple(self._proxy["at"]) if self._proxy else (self._host, self._port)
        connection = socket.create_connection(at, CONNECT_SECONDS)
        connection.settimeout(ANSWER_SECONDS)
        if self._proxy and (self._secure or tunnel):
            self._tunnel(connection)
        if not self._secure:
            return connection
        import ssl

        return ssl.create_default_context().wrap_socket(connection, server_hostname=self._host)

    def _tunnel(self, connection: socket.socket) -> None:
        there = self._authority()
        head = f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{_lines(self._proxy['headers'])}\r\n"
        connection.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            part = connection.recv(1)  # what follows is of TLS
            if not part or len(answer) > ANSWER_BYTES:
                raise ValueError("the proxy does not answer")
            answer += part
        if answer[9:12] != b"200":
            raise ValueError("the proxy refuses")

    def _authority(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _all_of(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    size, end = 0, time.monotonic() + ANSWER_SECONDS
    while part := connection.recv(65536):
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES or time.monotonic() > end:
            raise ValueError("the answer does not end")
    return b"".join(parts)
