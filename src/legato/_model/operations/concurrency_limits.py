"""Operations on concurrency limits: global ones by name, and those on tags."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.concurrency_limits import (
    ConcurrencyLimit,
    ConcurrencyLimitCreate,
    GlobalConcurrencyLimit,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    NewGlobalConcurrencyLimit,
)
from legato._model.errors import Conflict
from legato._model.operations.spec import Operation, Spec


class CreateGlobalConcurrencyLimit(Operation):
    """Create a limit; raise Conflict if there is one of that name."""

    spec: ClassVar = Spec(
        id="global_concurrency_limits.create",
        method="POST",
        path="/v2/concurrency_limits/",
        access="write",
        answer=NewGlobalConcurrencyLimit,
        status=201,
        body="limit",
        errors=(Conflict,),
    )
    limit: GlobalConcurrencyLimitCreate


class ReadGlobalConcurrencyLimit(Operation):
    """Read a limit by its id or name."""

    spec: ClassVar = Spec(
        id="global_concurrency_limits.read",
        method="GET",
        path="/v2/concurrency_limits/{id_or_name}",
        access="read",
        answer=GlobalConcurrencyLimit,
    )
    id_or_name: str


class FilterGlobalConcurrencyLimits(Operation):
    """List limits by name, those on tags too."""

    spec: ClassVar = Spec(
        id="global_concurrency_limits.filter",
        method="POST",
        path="/v2/concurrency_limits/filter",
        access="read",
        answer=list[GlobalConcurrencyLimit],
    )
    limit: int | None = None
    offset: int = 0


class UpdateGlobalConcurrencyLimit(Operation):
    """Change a limit; those who wait get what becomes free."""

    spec: ClassVar = Spec(
        id="global_concurrency_limits.update",
        method="PATCH",
        path="/v2/concurrency_limits/{id_or_name}",
        access="write",
        answer=None,
        status=204,
        body="limit",
        errors=(Conflict,),
    )
    id_or_name: str
    limit: GlobalConcurrencyLimitUpdate


class DeleteGlobalConcurrencyLimit(Operation):
    """Delete a limit; nobody waits for it any longer."""

    spec: ClassVar = Spec(
        id="global_concurrency_limits.delete",
        method="DELETE",
        path="/v2/concurrency_limits/{id_or_name}",
        access="write",
        answer=None,
        status=204,
    )
    id_or_name: str


class CreateConcurrencyLimit(Operation):
    """Limit how many task runs with a tag run at once, or change that limit."""

    spec: ClassVar = Spec(
        id="concurrency_limits.create",
        method="POST",
        path="/concurrency_limits/",
        access="write",
        answer=ConcurrencyLimit,
        status=201,
        body="limit",
    )
    limit: ConcurrencyLimitCreate


class ReadConcurrencyLimit(Operation):
    """Read the limit of a tag by its id."""

    spec: ClassVar = Spec(
        id="concurrency_limits.read",
        method="GET",
        path="/concurrency_limits/{limit_id}",
        access="read",
        answer=ConcurrencyLimit,
    )
    limit_id: UUID


class ReadConcurrencyLimitByTag(Operation):
    """Read the limit of a tag."""

    spec: ClassVar = Spec(
        id="concurrency_limits.read_by_tag",
        method="GET",
        path="/concurrency_limits/tag/{tag}",
        access="read",
        answer=ConcurrencyLimit,
    )
    tag: str


class FilterConcurrencyLimits(Operation):
    """List the limits of tags."""

    spec: ClassVar = Spec(
        id="concurrency_limits.filter",
        method="POST",
        path="/concurrency_limits/filter",
        access="read",
        answer=list[ConcurrencyLimit],
    )
    limit: int | None = None
    offset: int = 0


class ListLimitedTags(Operation):
    """List the tags that have a limit."""

    spec: ClassVar = Spec(
        id="concurrency_limits.tags",
        method="GET",
        path="/concurrency_limits/tags",
        access="read",
        answer=list[str],
        lane="leases",
    )


class ResetConcurrencyLimit(Operation):
    """Take the slots of a tag from all task runs, or give them to those of `slot_override`."""

    spec: ClassVar = Spec(
        id="concurrency_limits.reset",
        method="POST",
        path="/concurrency_limits/tag/{tag}/reset",
        access="write",
        answer=ConcurrencyLimit,
    )
    tag: str
    slot_override: list[UUID] | None = None


class DeleteConcurrencyLimit(Operation):
    """Delete the limit of a tag."""

    spec: ClassVar = Spec(
        id="concurrency_limits.delete_by_tag",
        method="DELETE",
        path="/concurrency_limits/tag/{tag}",
        access="write",
        answer=None,
    )
    tag: str


class DeleteConcurrencyLimitById(Operation):
    """Delete a limit of a tag by its id."""

    spec: ClassVar = Spec(
        id="concurrency_limits.delete",
        method="DELETE",
        path="/concurrency_limits/{limit_id}",
        access="write",
        answer=None,
    )
    limit_id: UUID
