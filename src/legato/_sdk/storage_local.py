"""Results in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from legato._sdk.exceptions import ConfigurationError
from legato._sdk.storage import checked_key
from legato._sdk.storage_errors import told


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
    # Others that write the same file, on this host or not, have another name for it. It is short:
    # the file's own may be as long as the system allows.
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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
