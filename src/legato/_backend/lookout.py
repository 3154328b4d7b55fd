"""Waiting at a server, for all threads and coroutines of a process by one request that hangs.

Who waits for slots, or for a result that another process makes, looks at a number in memory; a
thread asks the server for all of them, and raises the numbers of those who should ask for
themselves. It breaks its request off when somebody joins, and ends when nobody waits any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, socket
from typing import Any
from uuid import UUID

from legato._backend.port import Watch
from legato._client.link import Around
from legato._model.errors import Error
from legato._model.flights import Ready
from legato._model.operations.flights import LONGEST_SECONDS, AwaitTurns

LIMIT = 500
"""So many are asked for at once, those that wait the longest."""
GATHER_SECONDS = 0.03
"""So long newcomers are awaited, so that a thousand do not make a thousand requests."""
AGAIN_SECONDS = 0.5
EVERY_SECONDS = 5.0
"""How often those who wait ask for themselves, whatever they are told."""
Ask = Callable[[AwaitTurns, Around], Ready]


class _Post:
    """One that waits; `news` grows when it should ask for itself."""

    def __init__(self, what: UUID | str) -> None:
        self.what = what
        self.news = 0
        self.told = False


class Lookout:
    """What this process waits for at its server; `ask` carries out the request."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._changed = threading.Condition()
        self._posts: list[_Post] = []
        self._thread: threading.Thread | None = None
        self._hanging: socket | None = None
        self._stirred = False

    def watch(self, what: UUID | str) -> Watch:
        """Return what tells when to ask again for a grant of slots, or for a cache key."""
        post = _Post(what)

        def look() -> int:
            if post.told:
                post.told = False
                self._stir()
            return post.news

        def close() -> None:
            with self._changed:
                self._posts.remove(post)
                self._changed.notify()

        with self._changed:
            self._posts.append(post)
        self._stir()
        return Watch(look, close, EVERY_SECONDS)

    def _stir(self) -> None:
        """Have the thread ask anew, for all that wait now."""
        with self._changed:
            self._stirred = True
            self._changed.notify()
            if self._hanging is not None:
                with suppress(OSError):  # of TLS, too: the thread that reads closes it
                    socket.shutdown(self._hanging, SHUT_RDWR)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="legato-lookout", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while (wanted := self._wanted()) is not None:
            keys = [post.what for post in wanted if isinstance(post.what, str)]
            grants = [post.what for post in wanted if isinstance(post.what, UUID)]
            question = AwaitTurns(grants=grants, cache_keys=keys, seconds=LONGEST_SECONDS)
            try:
                ready = self._ask(question, self._hang)
            except Error:
                self._fail(wanted)
            else:
                self._tell(wanted, {*ready.grants, *ready.cache_keys})

    def _wanted(self) -> list[_Post] | None:
        """Return for whom to ask next; None: nobody waits, and the thread is to end."""
        with self._changed:
            while self._posts:
                if self._stirred:
                    self._stirred = False
                    self._changed.wait(GATHER_SECONDS)
                    self._stirred = False
                wanted = [post for post in self._posts if not post.told][:LIMIT]
                if wanted:
                    return wanted
                self._changed.wait()
            self._thread = None
            return None

    @contextmanager
    def _hang(self, connection: socket) -> Generator[None]:
        """Let the request be broken off in the block; not begin, if somebody has joined."""
        with self._changed:
            if self._stirred:
                raise ConnectionAbortedError("somebody else waits now")
            self._hanging = connection
        try:
            yield
        finally:
            with self._changed:
                self._hanging = None

    def _fail(self, wanted: list[_Post]) -> None:
        """Have those who wait find out themselves what is wrong, unless it was broken off."""
        with self._changed:
            if self._stirred:
                return
            for post in wanted:
                post.news += 1
            self._changed.wait(AGAIN_SECONDS)

    def _tell(self, wanted: list[_Post], ready: set[Any]) -> None:
        with self._changed:
            for post in wanted:
                if post.what in ready:
                    post.news, post.told = post.news + 1, True
