"""Operations on slots of limits as Prefect's clients ask for them: again, instead of in line."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.errors import LeaseLost, Locked
from legato._model.operations.slots import LEASE_SECONDS
from legato._model.operations.spec import Operation, Spec
from legato._model.slots import Holder, Mode


class LimitInShort(Struct, kw_only=True):
    """A limit of which slots were taken or given back."""

    id: UUID
    name: str
    limit: int


class LeasedLimits(Struct, kw_only=True):
    """Limits of which slots are held, and the lease to renew and release them by."""

    lease_id: UUID
    limits: list[LimitInShort]


class OfLimits(Operation, kw_only=True):
    """A request about so many slots of each limit of a name."""

    slots: int
    names: list[str]


class IncrementLimits(OfLimits):
    """Take so many slots of each limit, all or none, until they are given back by name."""

    spec: ClassVar = Spec(
        id="limit_slots.increment",
        method="POST",
        path="/v2/concurrency_limits/increment",
        access="write",
        answer=list[LimitInShort],
        lane="leases",
        errors=(Locked,),
    )
    mode: Mode = Mode.concurrency
    create_if_missing: bool | None = None
    """Not looked at: limits are created by name, and unknown ones do not count."""


class IncrementLimitsWithLease(OfLimits):
    """Take so many slots of each limit, all or none, for a time that is renewed."""

    spec: ClassVar = Spec(
        id="limit_slots.increment_with_lease",
        method="POST",
        path="/v2/concurrency_limits/increment-with-lease",
        access="write",
        answer=LeasedLimits,
        lane="leases",
        errors=(Locked,),
    )
    mode: Mode = Mode.concurrency
    lease_duration: float = LEASE_SECONDS
    holder: Holder | None = None


class DecrementLimits(OfLimits):
    """Give slots back that were taken without a lease."""

    spec: ClassVar = Spec(
        id="limit_slots.decrement",
        method="POST",
        path="/v2/concurrency_limits/decrement",
        access="write",
        answer=list[LimitInShort],
        lane="leases",
    )
    occupancy_seconds: float | None = None
    create_if_missing: bool | None = None


class DecrementLimitsWithLease(Operation):
    """Give slots back by their lease; nothing happens if it is gone."""

    spec: ClassVar = Spec(
        id="limit_slots.decrement_with_lease",
        method="POST",
        path="/v2/concurrency_limits/decrement-with-lease",
        access="write",
        answer=None,
        status=204,
        lane="leases",
    )
    lease_id: UUID


class RenewLimitsLease(Operation):
    """Hold slots for longer; raise LeaseLost if they are not held any more."""

    spec: ClassVar = Spec(
        id="limit_slots.renew",
        method="POST",
        path="/v2/concurrency_limits/leases/{lease_id}/renew",
        access="write",
        repeatable=True,
        answer=None,
        status=204,
        lane="leases",
        errors=(LeaseLost,),
    )
    lease_id: UUID
    lease_duration: float = LEASE_SECONDS


class OfTags(Operation, kw_only=True):
    """A request about the slots of tags that a task run has."""

    names: list[str]
    task_run_id: UUID


class IncrementTags(OfTags):
    """Take a slot of each tag for a task run."""

    spec: ClassVar = Spec(
        id="limit_slots.increment_tags",
        method="POST",
        path="/concurrency_limits/increment",
        access="write",
        answer=list[LimitInShort],
        lane="leases",
        errors=(Locked,),
    )


class DecrementTags(OfTags):
    """Give the slots of tags back that a task run took."""

    spec: ClassVar = Spec(
        id="limit_slots.decrement_tags",
        method="POST",
        path="/concurrency_limits/decrement",
        access="write",
        answer=list[LimitInShort],
        lane="leases",
    )
    occupancy_seconds: float | None = None
