"""Results in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from legato._sdk.exceptions import ConfigurationError
from legato._sdk.storage import checked_key
from legato._sdk.storage_errors import told

if TYPE_CHECKING:
    from io import BufferedWriter


class LocalStorage:
    """A folder; it is made when the first object is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.root = str(self.folder)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalStorage) and self.root == other.root

    def __hash__(self) -> int:
        return hash(self.root)

    def write(self, key: str, *parts: bytes) -> str:
        """Write a file, whole or not at all, and return its path."""
        path = self._path(key)
        try:
            write_durably(path, *parts)
        except OSError as error:
            raise told(error, "written", str(path)) from None
        return str(path)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return what the file has from `start` up to `end`."""
        path = self._path(key)
        try:
            with open(path, "rb") as file:
                file.seek(start)
                return file.read() if end is None else file.read(end - start)
        except OSError as error:
            raise told(error, "read", str(path)) from None

    def exists(self, key: str) -> bool:
        """Tell whether there is such a file."""
        path = self._path(key)
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise told(error, "read", str(path)) from None
        return path.is_file()

    def remove(self, key: str) -> None:
        """Remove the file, if it is there."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise told(error, "removed", str(path)) from None

    def location(self, key: str) -> str:
        """Return the absolute path of the file."""
        return str(self._path(key))

    def key_at(self, location: str) -> str | None:
        """Return the path below the folder, with slashes; None: it is not below it."""
        path = Path(location)
        if not path.is_absolute() or ".." in path.parts or self.folder not in path.parents:
            return None
        key = path.relative_to(self.folder).as_posix()
        return key if self._is_inside(path) else None

    def _path(self, key: str) -> Path:
        path = self.folder / checked_key(key)
        if not self._is_inside(path):
            raise ConfigurationError(f"The result storage key {key!r} leads out of the storage.")
        return path

    def _is_inside(self, path: Path) -> bool:
        """Tell whether the file lies in the folder also when links are followed."""
        return self.folder.resolve() in path.resolve().parents


def write_durably(path: Path, *parts: bytes) -> None:
    """Write a file so that after a crash it is there whole, or not at all."""
    make_folder(path.parent)
    if not _write_nameless(path, parts):
        _write_beside(path, parts)
    sync_folder(path.parent)


def _write_nameless(path: Path, parts: Sequence[bytes]) -> bool:
    """Write a file that has no name until it is whole: nothing is left if the process is killed.

    False: the system, or what the folder lies on, has no such files; or there is another fault,
    which whoever writes the file under a name meets, too.
    """
    if sys.platform != "linux":
        return False
    try:
        opened = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except OSError:
        return False
    with open(opened, "wb") as file:
        _fill(file, parts)
        return _is_named(opened, path)


def _is_named(opened: int, path: Path) -> bool:
    """Give a nameless file its name, which another one may have; tell whether that is possible."""
    source = f"/proc/self/fd/{opened}"
    try:
        # with a descriptor of the folder, the link in /proc is followed
        os.link(source, path, src_dir_fd=opened)
    except FileExistsError:
        temporary = _temporary(path)
        os.link(source, temporary, src_dir_fd=opened)
        _replace(temporary, path)
    except OSError:
        return False
    return True


def _fill(file: BufferedWriter, parts: Sequence[bytes]) -> None:
    file.writelines(parts)
    file.flush()
    os.fsync(file.fileno())


def _temporary(path: Path) -> Path:
    # Others that write the same file, on this host or not, have another name for it. It is short:
    # the file's own may be as long as the system allows.
    return path.with_name(f".{os.urandom(8).hex()}.tmp")


def _write_beside(path: Path, parts: Sequence[bytes]) -> None:
    """Write a file under another name first; a process that is killed meanwhile leaves that."""
    temporary = _temporary(path)
    try:
        with open(temporary, "wb") as file:
            _fill(file, parts)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _replace(temporary, path)


def _replace(temporary: Path, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """Make a folder with those above it, so that after a crash they are there."""
    missing: list[Path] = []
    above = folder
    while not above.exists():
        missing.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_folder(made.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; where folders cannot be opened they are without it."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
