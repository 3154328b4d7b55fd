"""The error tree: one root, a stable `code` for each, the docstring as default message.

Error
  ObjectNotFound            ObjectNotFound on the client
  Conflict            ObjectAlreadyExists on the client
    Hole
  InvalidRequest      ValidationError
  NotAllowed
  ReservedName
  BadPageToken
  Locked
  LeaseLost
  Resync
  SettingsError
  DefinitionError     a flow or task that cannot be defined as written
  StoreError          StoreBusy  StoreFull  StoreReadOnly  StoreTimeout  StoreTooNew  StoreTooOld
    ServerAway        a StoreBusy
    Crowded           a StoreBusy
    ServerRefused
"""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """Something went wrong in Legato."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class ObjectNotFound(Error):
    """The object does not exist."""

    code = "not_found"
    status = 404


class Conflict(Error):
    """The object exists already, or has changed meanwhile."""

    code = "conflict"
    status = 409


class Hole(Conflict):
    """Records are missing before those that were sent."""

    code = "hole"

    def __init__(self, message: str | None = None, expected: int = 1) -> None:
        super().__init__(message)
        self.expected: int = expected


class Resync(Error):
    """The log no longer reaches back to the cursor; read what is there now, and follow on."""

    code = "resync"
    status = 410


class Problem(dict[str, object]):
    """One fault of a request: `{type, loc, msg, input}`."""


class InvalidRequest(Error, ValueError):
    """The request is not valid."""

    code = "invalid"
    status = 422

    def __init__(self, message: str | None = None, problems: list[Problem] | None = None) -> None:
        super().__init__(message)
        self.problems: list[Problem] = problems or []


class NotAllowed(Error):
    """The object is not in a state in which that may be done."""

    code = "not_allowed"
    status = 400


class ReservedName(Error):
    """The name is kept for Legato's own use."""

    code = "reserved_name"
    status = 403


class BadPageToken(Error):
    """The token is none that an answer gave; ask for the first page again."""

    code = "bad_page_token"
    status = 403


class Locked(Error):
    """What is asked for is in use; try again after `retry_after` seconds."""

    code = "locked"
    status = 423

    def __init__(self, message: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after: float = retry_after


class LeaseLost(Error):
    """What was held is not held any more."""

    code = "lease_lost"
    status = 410


class SettingsError(Error, ValueError):
    """A setting has a bad value."""

    code = "bad_setting"


class DefinitionError(Error):
    """The flow or task cannot be defined like this."""

    code = "bad_definition"


class StoreError(Error):
    """The database could not be used."""

    code = "store"
    status = 503


class StoreBusy(StoreError):
    """The database is in use; try again."""

    code = "store_busy"
    retry_after: float = 0.0
    """In how many seconds, if a server said so."""


class ServerAway(StoreBusy):
    """The server does not answer; try again."""

    code = "server_away"


class Crowded(StoreBusy):
    """There is no room for so many long bodies at once; send the request again."""

    code = "crowded"


class ServerRefused(StoreError):
    """The server does not let this process in, or is not one of Legato's."""

    code = "server_refused"


class StoreFull(StoreError):
    """There is no room left for the database."""

    code = "store_full"
    status = 507


class StoreReadOnly(StoreError):
    """The database cannot be written."""

    code = "store_read_only"


class StoreTimeout(StoreError):
    """Reading took longer than a snapshot of the database is kept."""

    code = "store_timeout"


class StoreTooNew(StoreError):
    """The database was made by a newer version of Legato."""

    code = "store_too_new"


class StoreTooOld(StoreError):
    """The database was made by an older version of Legato and must be upgraded."""

    code = "store_too_old"
