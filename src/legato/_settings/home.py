"""The home: the folder that holds the database, stored results, spool, owners' locks, profiles."""

from __future__ import annotations

import os
import sys

from msgspec import Struct

from legato._model.errors import SettingsError
from legato._settings.notices import warn_once
from legato._settings.table import SPOOL_MAX_BYTES, Settings

PRIVATE = 0o700


class Home(Struct, frozen=True):
    """Paths in a home. The folders are made when they are first asked for."""

    root: str
    results: str | None = None
    spool_max_bytes: int = SPOOL_MAX_BYTES.default
    server: str | None = None
    """The server to which records go, which has a spool of its own."""

    @property
    def database(self) -> str:
        return os.path.join(self.root, "legato.db")

    @property
    def profiles(self) -> str:
        return profiles_path(self.root)

    @property
    def flights(self) -> str:
        """The file on whose bytes processes lock the cache keys that they compute."""
        return os.path.join(self.root, "flights.lock")

    @property
    def spool_folder(self) -> str:
        """The folder for records that wait to be delivered, made or not."""
        return os.path.join(self.root, "spool", *(() if self.server is None else (self.server,)))

    @property
    def pruned(self) -> str:
        """The file whose time says when the home was pruned."""
        return os.path.join(self.root, "pruned")

    def storage(self) -> str:
        """Return the folder for stored results."""
        return _made(self.results or os.path.join(self.root, "storage"))

    def spool(self) -> str:
        """Return the folder for records that wait to be delivered."""
        return _made(self.spool_folder)

    def owners(self) -> str:
        """Return the folder for the locks of the processes that own runs."""
        return _made(os.path.join(self.root, "owners"))


def profiles_path(root: str) -> str:
    return os.path.join(root, "profiles.toml")


def open_home(settings: Settings) -> Home:
    """Return the home, made if need be; if it cannot be used, a temporary one, with a warning."""
    return Home(
        usable(settings.home),
        results=settings.results_local_storage_path,
        spool_max_bytes=settings.spool_max_bytes,
    )


def usable(root: str) -> str:
    """Make the folder `root` and return it, or one that can be written in its place."""
    reason = _unusable(root)
    if not reason:
        return root
    instead = _fallback()
    warn_once(
        f"the home {root} cannot be used ({reason}); everything is recorded in {instead}. "
        "Set LEGATO_HOME to a folder that can be written."
    )
    return instead


def _unusable(root: str) -> str:
    """Make the folder; return why it cannot be used, or nothing."""
    if root.startswith("~"):
        return "this user has no home directory"
    try:
        _made(root)
    except OSError as error:
        return error.strerror or str(error)
    return "" if os.access(root, os.W_OK | os.X_OK) else "it cannot be written"


def _fallback() -> str:
    """Return a folder of this user's own that later processes find again."""
    import tempfile

    try:
        root = os.path.join(tempfile.gettempdir(), f"legato-{_user()}")
        _made(root)
        return root if _is_ours(root) else tempfile.mkdtemp(prefix="legato-")
    except OSError as error:
        raise SettingsError(
            f"No folder can be written, not even a temporary one ({error}); set LEGATO_HOME to one."
        ) from None


def _user() -> str:
    return str(os.getuid()) if sys.platform != "win32" else "home"


def _is_ours(root: str) -> bool:
    """Tell whether a folder in a place that all may write was made by us: others may set traps."""
    if sys.platform == "win32":
        return os.access(root, os.W_OK)
    status = os.lstat(root)
    return status.st_uid == os.getuid() and status.st_mode & 0o170077 == 0o040000


def _made(path: str) -> str:
    os.makedirs(path, PRIVATE, exist_ok=True)
    return path
