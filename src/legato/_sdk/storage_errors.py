"""What goes wrong with a storage, in one sentence: which, why, and the way out.

The libraries below have no errors in common: some raise OSError, some classes of their own, some
plain ValueErrors. So causes are known by the names of classes and by words, without imports.
"""

from __future__ import annotations

import errno
import re
from typing import NamedTuple

from legato._sdk.exceptions import NotStored, StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
MAX_CAUSE_CHARACTERS = 300


class Settings(NamedTuple):
    """Where a remote storage has its credentials and its address from."""

    credentials: str
    endpoint: str


class Cause(NamedTuple):
    """A kind of trouble: who raises this class, or says this, means that."""

    classes: str
    words: str
    text: str
    way_out: str


NO_BUCKET = Cause(
    r"NoSuchBucket|ContainerNotFound",
    r"NoSuchBucket|bucket does not exist|bucket .*not exist|ContainerNotFound|"
    r"container does not exist|container .*not (found|exist)",
    "there is no such bucket",
    "Make it, or correct its name.",
)
CAUSES = (
    NO_BUCKET,
    Cause(
        r"NoCredentials|PartialCredentials|CredentialRetrieval|DefaultCredentials|"
        r"CredentialUnavailable|ProfileNotFound",
        r"unable to locate credentials|must provide either a connection_string|"
        r"anonymous caller|DefaultAzureCredential failed",
        "there are no credentials for it",
        "Set {credentials}.",
    ),
    Cause(
        r"PermissionError|ClientAuthenticationError|RefreshError|Forbidden|TokenRetrieval",
        r"access ?denied|forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|AuthenticationFailed|"
        r"invalid credentials|unauthorized|AuthorizationFailure|ExpiredToken|\b40[13]\b",
        "it refuses the credentials, or they do not allow this",
        "Check what they permit, and {credentials}.",
    ),
    Cause(
        r"EndpointConnection|ConnectTimeout|ReadTimeout|ConnectionClosed|ClientConnector|"
        r"ServiceRequestError|ServiceResponseError|FSTimeoutError|TimeoutError|ConnectionError|"
        r"ServerDisconnected|ClientOSError|gaierror|TransportError|RetryError",
        r"could not connect|connection refused|name or service not known|timed out",
        "it cannot be reached",
        "Check the network and the address ({endpoint}).",
    ),
    Cause(
        r"ParamValidationError",
        r"invalid bucket name|InvalidBucketName|InvalidResourceName|bucket name .*invalid",
        "its bucket cannot have that name",
        "Correct the name.",
    ),
)


def told(error: Exception, deed: str, place: str, settings: Settings | None = None) -> StorageError:
    """Return the one error for what went wrong when a place was to be read, written or removed.

    Without settings it is a place on this host.
    """
    text, way_out = _at_home(error) if settings is None else _from_afar(error)
    if not text and isinstance(error, FileNotFoundError) and deed == "read":
        doubt = ", or no such bucket" if settings is not None else ""
        return NotStored(f"There is nothing stored at {place}{doubt}.")
    if not text and settings is not None and isinstance(error, FileNotFoundError):
        text, way_out = NO_BUCKET.text, NO_BUCKET.way_out
    if settings is not None:
        way_out = way_out.format(**settings._asdict())
    reason = f"{text} ({_one_line(error)})" if text else _one_line(error)
    return StorageError(f"{place} could not be {deed}: {reason}. {way_out}".rstrip())


def _at_home(error: Exception) -> tuple[str, str]:
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL:
        return "there is no room left", "Make room, or name another storage."
    if number in REFUSED:
        return "this user may not", "Change its permissions, or name another storage."
    return "", ""


def _from_afar(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno in FULL:
        return _at_home(error)
    chain = _chain(error)
    names = [cls.__name__ for link in chain for cls in type(link).__mro__]
    words = " ".join(str(link) for link in chain)
    for cause in CAUSES:
        by_class = any(re.search(cause.classes, name) for name in names)
        if by_class or re.search(cause.words, words, re.IGNORECASE):
            return cause.text, cause.way_out
    return "", ""


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in found and len(found) < 8:
        found.append(link)
        link = link.__cause__ or link.__context__
    return found


def _one_line(error: BaseException) -> str:
    # The name of the file stands in the sentence already.
    said = error.strerror if isinstance(error, OSError) and error.errno else None
    text = str(said or error).strip().partition("\n")[0].strip() or type(error).__name__
    short = text if len(text) <= MAX_CAUSE_CHARACTERS else f"{text[:MAX_CAUSE_CHARACTERS]}..."
    return short.rstrip(".")
