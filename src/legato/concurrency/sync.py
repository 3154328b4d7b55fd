"""Concurrency limits and rate limits for plain functions."""

from legato._sdk.concurrency import concurrency, rate_limit
from legato._sdk.exceptions import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
)

__all__ = [
    "AcquireConcurrencySlotTimeoutError",
    "ConcurrencySlotAcquisitionError",
    "concurrency",
    "rate_limit",
]
