"""What a file system of the user's must do to keep results."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable


@runtime_checkable
class ReadableFileSystem(Protocol):
    """Something that files are read from; its methods are async or not."""

    def read_path(self, path: str) -> bytes | Awaitable[bytes]:
        """Return what the file has; raise FileNotFoundError if there is none."""
        ...


@runtime_checkable
class WritableFileSystem(ReadableFileSystem, Protocol):
    """Something that files are written to, too: a `result_storage`.

    >>> from legato import flow
    >>> from legato.filesystems import WritableFileSystem
    >>> class Shelf(WritableFileSystem):
    ...     basepath = "shelf"
    ...
    ...     def __init__(self) -> None:
    ...         self.files: dict[str, bytes] = {}
    ...
    ...     def read_path(self, path: str) -> bytes:
    ...         return self.files[path]
    ...
    ...     def write_path(self, path: str, content: bytes) -> None:
    ...         self.files[path] = content
    >>> shelf = Shelf()
    >>> @flow(result_storage=shelf)
    ... def job() -> int:
    ...     return 42
    >>> job(), len(shelf.files)
    (42, 1)
    """

    def write_path(self, path: str, content: bytes) -> object:
        """Write the file, in the place of what was there."""
        ...
