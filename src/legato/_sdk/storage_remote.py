"""Results in buckets and on other hosts, through fsspec."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from legato._sdk import storage_patience as patience
from legato._sdk.exceptions import ConfigurationError, NotStored, StorageError
from legato._sdk.storage import checked_key
from legato._sdk.storage_errors import Settings, told

ANSWER_SECONDS = 30  # for what takes no time but that of asking
SLOWEST_BYTES_PER_SECOND = 256 * 1024
UNKNOWN_BYTES = 64 * 1024 * 1024
# Above this an object is sent in pieces as they are, below in one that is whole or not there.
STREAMED_BYTES = 32 * 1024 * 1024
PIECE_BYTES = 8 * 1024 * 1024
# They log what they raise, with pages of traceback; without a handler that goes to the terminal.
_LOUD = ("gcsfs", "azure", "s3fs", "fsspec")
# They tell in the log of every run where they found credentials.
_TALKATIVE = ("botocore.credentials", "aiobotocore.credentials")


class Provider(NamedTuple):
    """What is to know about the storages behind some schemes."""

    extra: str
    settings: Settings
    options: Callable[[], dict[str, Any]]
    hurry: Callable[[Any], None]
    """Has an opened file system of fsspec try less often than it would."""


# Listings are not cached: other processes write too.
_FRESH: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
_AMAZON = Provider(
    "s3",
    Settings("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", "AWS_ENDPOINT_URL"),
    patience.amazon_options,
    patience.hurry_amazon,
)
_GOOGLE = Provider(
    "gcs",
    Settings(
        "GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default login`",
        "STORAGE_EMULATOR_HOST",
    ),
    patience.google_options,
    patience.hurry_google,
)
_MICROSOFT = Provider(
    "azure",
    Settings(
        "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and "
        "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
    ),
    patience.microsoft_options,
    patience.hurry_microsoft,
)
PROVIDERS = {
    "s3": _AMAZON,
    "s3a": _AMAZON,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _MICROSOFT,
    "abfs": _MICROSOFT,
    "abfss": _MICROSOFT,
}
SAME = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_OTHER = Provider("", Settings("the settings of fsspec", "the URL"), dict, patience.leave)


class RemoteStorage:
    """What a URL names: a bucket with a prefix, or a folder on another host."""

    def __init__(self, url: str) -> None:
        self.scheme, _, rest = url.partition("://")
        if not rest.strip("/") and self.scheme in PROVIDERS:
            raise ConfigurationError(f"result_storage {url!r} names no bucket.")
        self.url = url.rstrip("/")
        # Locations are recorded and shown, so they carry no password; and they are the same for all
        # names of a scheme.
        plain = SAME.get(self.scheme, self.scheme) if "@" not in rest else self.scheme
        self.root = without_password(f"{plain}://{rest.rstrip('/')}")
        self.provider = PROVIDERS.get(self.scheme, _OTHER)
        self._opened: tuple[int, Any, str] | None = None

    def __reduce__(self) -> tuple[type[RemoteStorage], tuple[str]]:
        return RemoteStorage, (self.url,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteStorage) and self.url == other.url

    def __hash__(self) -> int:
        return hash(self.url)

    def write(self, key: str, *parts: bytes) -> str:
        """Write an object and return its URL."""
        size = sum(map(len, parts))
        try:
            files, path = self._at(key)
            if self.provider is _OTHER:
                files.makedirs(path.rpartition("/")[0], exist_ok=True)
            if size > STREAMED_BYTES:
                _stream(files, path, parts)
            else:
                files.pipe_file(path, b"".join(parts), **_limit(files, size))
        except (StorageError, ConfigurationError):
            raise
        except Exception as error:  # noqa: BLE001 - the libraries below share no class of errors
            raise self._told(error, "written", key) from None
        return self.location(key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return what the object has from `start` up to `end`."""
        try:
            files, path = self._at(key)
            limit = _limit(files, (end or start + UNKNOWN_BYTES) - start)
            content: bytes = files.cat_file(path, start=start or None, end=end, **limit)
        except (StorageError, ConfigurationError):
            raise
        except Exception as error:  # noqa: BLE001 - as above
            if _is_empty(error):
                return b""
            raise self._told(error, "read", key) from None
        return content

    def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        try:
            files, path = self._at(key)
            files.info(path, **_limit(files))
        except FileNotFoundError as error:
            found = self._told(error, "read", key)
            if not isinstance(found, NotStored):
                raise found from None
            return False
        except (StorageError, ConfigurationError):
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise self._told(error, "read", key) from None
        return True

    def remove(self, key: str) -> None:
        """Remove the object, if it is there."""
        try:
            files, path = self._at(key)
            files.rm_file(path)
        except FileNotFoundError:
            return
        except (StorageError, ConfigurationError):
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise self._told(error, "removed", key) from None

    def location(self, key: str) -> str:
        """Return the URL of the object."""
        return f"{self.root}/{checked_key(key)}"

    def key_at(self, location: str) -> str | None:
        """Return what follows the prefix; None: the URL is another's."""
        if not location.startswith(f"{self.root}/"):
            return None
        key = location[len(self.root) + 1 :]
        try:
            return key if checked_key(key) == key else None
        except ConfigurationError:
            return None

    def _at(self, key: str) -> tuple[Any, str]:
        key = checked_key(key)
        # Connections are not taken along into forked processes.
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), *self._open())
        _, files, root = self._opened
        return files, f"{root.rstrip('/')}/{key}"

    def _open(self) -> tuple[Any, str]:
        _be_quiet()
        try:
            core: Any = import_module("fsspec.core")
            known = {} if self.provider is _OTHER else _FRESH
            files, root = core.url_to_fs(self.url, **known, **self.provider.options())
            self.provider.hurry(files)
        except ImportError as error:
            raise self._missing(error) from None
        except ValueError as error:
            if "Protocol not known" in str(error):
                raise ConfigurationError(
                    f"result_storage {self.root!r}: no storage is known under {self.scheme}://. "
                    f"Known are file://, {', '.join(f'{name}://' for name in PROVIDERS)} and what "
                    "fsspec has."
                ) from None
            raise
        return files, root

    def _missing(self, error: ImportError) -> StorageError:
        wanted = f"legato[{self.provider.extra}]" if self.provider.extra else "fsspec"
        return StorageError(
            f"{self.root} cannot be used: a package for {self.scheme}:// is not installed "
            f"({' '.join(str(error).split())}). Install it: pip install '{wanted}'"
        )

    def _told(self, error: Exception, deed: str, key: str) -> StorageError:
        return told(error, deed, self.location(key), self.provider.settings)


def _be_quiet() -> None:
    for name in _LOUD:
        logging.getLogger(name).addHandler(logging.NullHandler())
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)


def without_password(url: str) -> str:
    """Return the URL with the user but without the password."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, server = host.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{server}{slash}{path}"


def _limit(files: Any, size: int = 0) -> dict[str, float]:
    """Return the time that a call may take; only what is async below can be given up."""
    if not getattr(files, "async_impl", False):
        return {}
    return {"timeout": ANSWER_SECONDS + size / SLOWEST_BYTES_PER_SECOND}


def _stream(files: Any, path: str, parts: tuple[bytes, ...]) -> None:
    """Send an object piece by piece, so that it stands in memory once."""
    file = files.open(path, "wb", block_size=PIECE_BYTES)
    try:
        for part in parts:
            view = memoryview(part)
            for start in range(0, len(view), PIECE_BYTES):
                file.write(view[start : start + PIECE_BYTES])
    except BaseException:
        # Closing would complete the object as far as it came.
        file.discard()
        file.closed = True
        raise
    file.close()


def _is_empty(error: Exception) -> bool:
    """Tell whether a range was asked of an object without content, which some refuse."""
    return getattr(error, "code", None) == 416 or bool(
        re.search(
            "InvalidRange|range .*not satisfiable", f"{error} {error.__cause__}", re.IGNORECASE
        )
    )
