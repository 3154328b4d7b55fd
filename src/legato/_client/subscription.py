"""What is said on a stream of a server, without the connection: who speaks it reads and writes.

A stream tells what happens, each thing with a cursor. Whoever is cut off says the newest cursor the
next time, and is told of all that came behind it: nothing is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from legato._model.errors import InvalidRequest, Resync, ServerRefused

SUBPROTOCOL = "prefect"
BAD_FILTER, NOT_LET_IN, TOO_OLD = 1002, 1008, 4410
_LET_IN = frozenset({401, 403, 421})


class Told(Struct, frozen=True):
    """Something that was told, as JSON values; None: only how far the stream has come."""

    value: Any
    cursor: str | None


class Subscription:
    """Follows the stream at `path` of what `filter` lets through, behind `cursor` or from now on.

    `recalls`: events of the last minutes come first. `token` says who follows.
    """

    def __init__(
        self,
        path: str,
        filter: Any = None,
        *,
        cursor: str | None = None,
        recalls: bool = False,
        token: str | None = None,
    ) -> None:
        self.path, self.cursor = path, cursor
        self._filter, self._recalls, self._token = filter, recalls, token

    def greeting(self) -> str:
        """Return the first frame: who follows."""
        return _text({"type": "auth", "token": self._token})

    def question(self) -> str:
        """Return the second frame, once the server has let us in: what is wanted."""
        recalls = self._recalls and self.cursor is None
        said = {"filter": self._filter, "cursor": self.cursor, "backfill": recalls}
        return _text({"type": "filter", **said})

    def heard(self, text: str | bytes) -> Told | None:
        """Take a frame; None: it tells nothing. Raises ServerRefused if it cannot be read."""
        try:
            said = msgspec.json.decode(text)
            kind, cursor = said["type"], said.get("cursor")
            tells = kind in said
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
            raise ServerRefused(f"What {self.path} tells cannot be read: {text[:100]!r}.") from None
        if cursor is not None:
            self.cursor = cursor
        if tells:
            value = None if kind == "cursor" else said[kind]
            return Told(value, cursor)
        return None

    def closed(self, code: int | None, reason: str) -> None:
        """Take the end of a connection: raise what it means, if to connect again is no use.

        Raises Resync if what is behind the cursor is not kept any more.
        """
        if code == TOO_OLD:
            raise Resync(reason or "What is behind the cursor is not kept any more.")
        if code == BAD_FILTER:
            raise InvalidRequest(reason or "The server does not understand the filter.")
        if code == NOT_LET_IN:
            raise ServerRefused(
                f"{self.path} does not let this process in ({reason or code}); "
                "LEGATO_API_AUTH_STRING or LEGATO_API_KEY say who it is."
            )

    def refused(self, status: int) -> None:
        """Take an answer of HTTP in the place of a connection; raise what it means, likewise."""
        if status in _LET_IN:
            self.closed(NOT_LET_IN, str(status))
        if 300 <= status < 500 and status not in {408, 429}:
            raise ServerRefused(f"There is no stream at {self.path} ({status}).")


def _text(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()
