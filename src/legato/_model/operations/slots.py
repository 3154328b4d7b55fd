"""Operations on the slots of concurrency limits."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.operations.spec import Operation, Spec
from legato._model.records import Writer
from legato._model.slots import Answer, Granted, Holder, Mode, Waits

LEASE_SECONDS = 300.0


class TakeSlots(Operation):
    """Take so many slots of each limit, all or none; asking again changes nothing."""

    spec: ClassVar = Spec(
        id="slots.take",
        method="POST",
        path="/slots/",
        access="write",
        repeatable=True,
        answer=Answer,
        lane="leases",
    )
    grant_id: UUID
    names: list[str]
    slots: int = 1
    mode: Mode = Mode.concurrency
    strict: bool = False
    wait: bool = True
    """Stand in line until the slots are granted or the request is released."""
    lease_duration: float = LEASE_SECONDS
    """Seconds until the slots are free again if nobody renews them."""
    holder: Holder | None = None
    writer: Writer | None = None
    """The process whose end frees the slots."""


class FindSlots(Operation):
    """Tell where a request stands; None: it is not known, or not any longer."""

    spec: ClassVar = Spec(
        id="slots.find",
        method="GET",
        path="/slots/{grant_id}",
        access="read",
        answer=Granted | Waits | None,
        lane="leases",
    )
    grant_id: UUID


class RenewSlots(Operation):
    """Hold slots for another `lease_duration` seconds; tell whether they were still held."""

    spec: ClassVar = Spec(
        id="slots.renew",
        method="POST",
        path="/slots/{grant_id}/renew",
        access="write",
        repeatable=True,
        answer=bool,
        lane="leases",
    )
    grant_id: UUID
    lease_duration: float = LEASE_SECONDS


class ReleaseSlots(Operation):
    """Release slots, or leave the line; those who wait get them."""

    spec: ClassVar = Spec(
        id="slots.release",
        method="POST",
        path="/slots/{grant_id}/release",
        access="write",
        repeatable=True,
        answer=None,
        status=204,
        lane="leases",
    )
    grant_id: UUID
    used: bool = False
    """Those of rate limits are used up, and come back by themselves."""


class ReapSlots(Operation):
    """End the leases that were not renewed, but for those of the writers in `alive`."""

    spec: ClassVar = Spec(
        id="slots.reap",
        method="POST",
        path="/slots/reap",
        access="write",
        repeatable=True,
        answer=int,
        lane="leases",
    )
    alive: list[UUID] = []
