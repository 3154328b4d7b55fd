"""Results in a file system of the user's: any object with `read_path` and `write_path`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from legato._sdk import parking
from legato._sdk.exceptions import ConfigurationError, NotStored, StorageError
from legato._sdk.storage import checked_key


class ObjectStorage:
    """An object that reads and writes paths, with methods that are async or not.

    Its `basepath`, if it has one, tells it from others of its class in the locations.
    """

    def __init__(self, files: Any) -> None:
        self.files = files
        base = getattr(files, "basepath", None)
        mark = f"({base})" if base else ""
        self.root = f"object:{files.__class__.__module__}.{files.__class__.__qualname__}{mark}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectStorage) and self.files is other.files

    def __hash__(self) -> int:
        return id(self.files)

    def write(self, key: str, *parts: bytes) -> str:
        """Write an object and return its location."""
        self._called("written", key, self.files.write_path, content=b"".join(parts))
        return self.location(key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return what the object has from `start` up to `end`; all of it is read."""
        content = self._called("read", key, self.files.read_path)
        if not isinstance(content, bytes | bytearray | memoryview):
            raise StorageError(
                f"{self.location(key)} could not be read: `read_path` of "
                f"{type(self.files).__name__} gave {type(content).__name__} where bytes are due."
            )
        return bytes(cast("bytes", content)[start:end])

    def exists(self, key: str) -> bool:
        """Tell whether there is an object; without a method for it, by reading."""
        exists = getattr(self.files, "exists", None)
        if callable(exists):
            return bool(self._called("read", key, exists))
        try:
            self.read(key)
        except NotStored:
            return False
        return True

    def remove(self, key: str) -> None:
        """Remove the object, if the user's file system can do that."""
        remove = getattr(self.files, "remove_path", None)
        if callable(remove):
            self._called("removed", key, remove)

    def location(self, key: str) -> str:
        """Return the kind of file system and the path in it."""
        return f"{self.root}/{checked_key(key)}"

    def key_at(self, location: str) -> str | None:
        """Return the path; None: the location is in another storage."""
        if not location.startswith(f"{self.root}/"):
            return None
        key = location[len(self.root) + 1 :]
        try:
            return key if checked_key(key) == key else None
        except ConfigurationError:
            return None

    def _called(self, deed: str, key: str, method: Any, **options: Any) -> Any:
        try:
            return finished(method(checked_key(key), **options))
        except ConfigurationError:
            raise
        except Exception as error:
            if deed == "read" and _says_missing(error):
                raise NotStored(f"There is nothing stored at {self.location(key)}.") from None
            # The object is the user's, and so is its traceback.
            raise StorageError(
                f"{self.location(key)} could not be {deed}: {type(error).__name__}: {error}"
            ) from error


def _says_missing(error: Exception) -> bool:
    """Tell whether a file system has no such file; there is no one error for that."""
    if isinstance(error, FileNotFoundError | KeyError):
        return True
    text = str(error).lower()
    return any(words in text for words in ("does not exist", "not found", "no such"))


def finished(outcome: Any) -> Any:
    """Return the outcome; one that is to be awaited is, on a loop of its own."""
    if not inspect.iscoroutine(outcome):
        return outcome
    coroutine = cast("Coroutine[Any, Any, Any]", outcome)
    if parking.running_loop() is None:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, coroutine).result()
