"""Operations of those who want a cached result, and of those who wait for their turn."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.flights import Flight, Ready
from legato._model.operations.spec import Operation, Spec

LONGEST_SECONDS = 30.0


class TakeFlight(Operation):
    """Make what a cache key stands for, unless it is there or another one makes it already."""

    # Asking again changes nothing. It is over when the result is there, by `flights.end`, or with
    # the process.

    spec: ClassVar = Spec(
        id="flights.take",
        method="POST",
        path="/flights/",
        access="write",
        repeatable=True,
        answer=Flight,
        lane="leases",
    )
    flight_id: UUID
    cache_key: str
    writer_id: UUID
    """The process that makes it."""
    refresh: bool = False
    """Make it although it is there."""


class MarkFlight(Operation):
    """Say that who makes a result waits for another key, or that it waits no longer."""

    spec: ClassVar = Spec(
        id="flights.mark",
        method="POST",
        path="/flights/{flight_id}/mark",
        access="write",
        repeatable=True,
        answer=None,
        status=204,
        lane="leases",
    )
    flight_id: UUID
    cache_key: str
    waits: bool


class EndFlight(Operation):
    """Leave the making of a result to others."""

    spec: ClassVar = Spec(
        id="flights.end",
        method="POST",
        path="/flights/{flight_id}/end",
        access="write",
        repeatable=True,
        answer=None,
        status=204,
        lane="leases",
    )
    flight_id: UUID
    cache_key: str


class AwaitTurns(Operation):
    """Return which of these need not be waited for any longer: slots, results that others make."""

    # A server answers as soon as there is one, or when `seconds` are over; without a server the
    # answer comes at once.

    spec: ClassVar = Spec(
        id="flights.wait",
        method="POST",
        path="/flights/wait",
        access="read",
        answer=Ready,
        lane="leases",
    )
    grants: list[UUID] = []
    cache_keys: list[str] = []
    seconds: float = 0.0
