"""What every operation says of itself.

An operation is a struct; its fields are the parts of the request. Fields whose name stands in
`path` as `{name}` are taken from there, the rest is the body (or the query of a GET). The client
encodes it, the backend calls the control function of the same id, a server makes a route of it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from legato._model.errors import Error

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Access = Literal["read", "write"]
Lane = Literal["facts", "leases"]
LIMIT = 200
BULK_LIMIT = 50
"""How many runs one request may change or delete."""


class Spec(Struct, frozen=True, kw_only=True):
    """Name, place and permission of an operation; `answer` is the type of what comes back."""

    id: str
    method: Method
    path: str
    access: Access
    answer: Any
    status: int = 200
    body: str | None = None
    """The field that is the whole body; None: the fields not in the path are its members."""
    errors: tuple[type[Error], ...] = ()
    """What it raises besides InvalidRequest, and ObjectNotFound for what its path names."""
    lane: Lane = "facts"
    """`leases`: goes ahead of all else and waits for nothing that was recorded before."""
    repeatable: bool = False
    """A change that leaves the same when it is done again, so it is sent under no key."""
    at_once: bool = False
    """Reads what is committed by now; who needs this process's own records flushes first."""

    @property
    def permission(self) -> str:
        """The permission that it takes, such as `flow_runs:read`."""
        return f"{self.id.partition('.')[0]}:{self.access}"

    @property
    def keyed(self) -> bool:
        """Tell whether clients send it under a key, so that it is done once."""
        return self.access == "write" and not self.repeatable


class Operation(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A request, as a value."""

    spec: ClassVar[Spec]


class Deleted(Struct, kw_only=True):
    """The ids of what was deleted."""

    deleted: list[UUID]
