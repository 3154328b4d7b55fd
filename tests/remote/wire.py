"""A wire between processes and their server, which a test can cut or lay anew."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Wire:
    """Passes on what comes in at `url` to the server on `port`, while it is not cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/api"
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._carriers: list[threading.Thread] = []
        self._cut = self._over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def cut(self) -> None:
        """Let nothing through any more, and break what is connected."""
        with self._lock:
            self._cut = True
            for pair in self._pairs:
                _close(*pair)
            self._pairs.clear()

    def mend(self) -> None:
        """Let everything through again."""
        self._cut = False

    def move(self, port: int) -> None:
        """Break what is connected; who connects again meets the server on another port."""
        self.cut()
        self._port = port
        self.mend()

    def close(self) -> None:
        self.cut()
        self._over = True
        with contextlib.suppress(OSError):
            socket.create_connection(self._listening.getsockname()).close()
        for thread in (self._thread, *self._carriers):
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            near, _ = self._listening.accept()
            with self._lock:
                if self._over:
                    near.close()
                    return
                try:
                    far = socket.create_connection(("127.0.0.1", self._port))
                except OSError:
                    near.close()
                    continue
                if self._cut:
                    near.close()
                    far.close()
                    continue
                self._pairs.append((near, far))
                self._carriers.append(threading.Thread(target=_carry, args=(near, far)))
                self._carriers[-1].start()


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _carry(near: socket.socket, far: socket.socket) -> None:
    with selectors.DefaultSelector() as ready, near, far:
        ready.register(near, selectors.EVENT_READ, far)
        ready.register(far, selectors.EVENT_READ, near)
        with contextlib.suppress(OSError):
            while True:
                for key, _ in ready.select():
                    part = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not part:
                        return
                    key.data.sendall(part)
