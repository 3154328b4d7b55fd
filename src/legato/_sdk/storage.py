"""Where results are stored: folders, buckets, and file systems of the user's.

A storage keeps objects under keys. The location of an object is text that names it from anywhere:
an absolute path or a URL. A process loads pickles only from storages that it was told of, so each
one that a user gives is remembered here (`storage_of`), and `named` finds whose a location is.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

from legato._sdk.exceptions import ConfigurationError, UnnamedStorage
from legato._settings.current import current as settings


@runtime_checkable
class Storage(Protocol):
    """Keeps objects under keys. What goes wrong is a StorageError that names the way out."""

    @property
    def root(self) -> str:
        """What the locations of all its objects begin with."""
        ...

    def write(self, key: str, *parts: bytes) -> str:
        """Write an object, whole or not at all, and return its location."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return an object, or its bytes from `start` up to `end`; raise NotStored."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...

    def location(self, key: str) -> str:
        """Return what names an object from anywhere."""
        ...

    def key_at(self, location: str) -> str | None:
        """Return the key of what lies at a location; None: not in this storage."""
        ...


_given: dict[str, Storage] = {}  # by root: what the user named in this process


def storage_of(given: object, default: Path, option: str = "result_storage") -> Storage:
    """Return the storage that an option names or is; None is that of the settings, or `default`.

    Raises:
        ConfigurationError: It names none.
    """
    if given is None:
        return default_storage(default)
    found = _made(given, option)
    known = _given.get(found.root)
    if known is not None and known == found:  # which has its connection already
        return known
    _given[found.root] = found
    return found


def remember(results: object, keys: object = None) -> None:
    """Note the storages that the options of a flow or task name; raise ConfigurationError."""
    for given, option in ((results, "result_storage"), (keys, "key_storage")):
        if given is not None:
            storage_of(given, Path(), option)


def default_storage(default: Path) -> Storage:
    """Return the storage for who names none."""
    chosen = settings().results_default_storage
    return _made(default if chosen is None else chosen)


def _made(given: object, option: str = "result_storage") -> Storage:
    from legato._sdk.storage_local import LocalStorage

    if isinstance(given, str) and "://" in given:
        return _at_url(given)
    if isinstance(given, str | os.PathLike):
        return LocalStorage(Path(os.fspath(given)).expanduser())
    if isinstance(given, type):
        raise ConfigurationError(f"{option} is the class {given.__name__}: give an instance.")
    if isinstance(given, Storage):
        return given
    if hasattr(given, "read_path") and hasattr(given, "write_path"):
        from legato._sdk.storage_objects import ObjectStorage

        return ObjectStorage(given)
    raise ConfigurationError(
        f"{option} is {given!r}. It must be a folder, a URL such as 's3://bucket/prefix', or "
        "an object with the methods `read_path` and `write_path`."
    )


def _at_url(url: str) -> Storage:
    scheme, _, rest = url.partition("://")
    if scheme == "file":
        from urllib.request import url2pathname

        from legato._sdk.storage_local import LocalStorage

        host, _, path = rest.partition("/")
        if host not in ("", "localhost"):
            raise ConfigurationError(f"{url} names another host: write file:///{rest}.")
        return LocalStorage(Path(url2pathname(f"/{path}")))
    from legato._sdk.storage_remote import RemoteStorage

    return RemoteStorage(url)


def known_storages(default: Path) -> list[Storage]:
    """Return the storages that this process was told of: settings, home, and the user's."""
    own = {found.root: found for found in (default_storage(default), _made(default))}
    return [*own.values(), *_given.values()]


def named(location: str, storages: Iterable[Storage]) -> Storage | None:
    """Return the one of the storages that a location lies in; None: in none of them."""
    return next((found for found in storages if found.key_at(location) is not None), None)


def storage_at(location: str, default: Path) -> tuple[Storage, str]:
    """Return the storage and the key of what lies at a location; raise UnnamedStorage.

    A stored result may be a pickle, and loading one runs what it says. So results are loaded only
    from where the user of this process said that results are.
    """
    storage = named(location, known_storages(default))
    key = None if storage is None else storage.key_at(location)
    if storage is None or key is None:
        raise UnnamedStorage(
            f"The result lies at {location}, in no storage that was named here, so it is not "
            "loaded: a stored result can run code. If you trust it, name its storage: "
            "result_storage= of a flow or task that this program loads, or "
            "LEGATO_RESULTS_DEFAULT_STORAGE (a folder or a URL)."
        )
    return storage, key


def checked_key(key: str) -> str:
    """Return the key in its plain form; raise ConfigurationError if it leads out of a storage."""
    plain = posixpath.normpath(key) if key else ""
    if plain in ("", ".") or key.endswith("/") or "\0" in key:
        raise ConfigurationError(f"The result storage key {key!r} names no object.")
    if plain.startswith("/") or plain.split("/", 1)[0] == "..":
        raise ConfigurationError(f"The result storage key {key!r} leads out of the storage.")
    return plain
