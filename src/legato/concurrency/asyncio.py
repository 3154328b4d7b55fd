"""Concurrency limits and rate limits for coroutines."""

from legato._sdk.concurrency import aconcurrency as concurrency
from legato._sdk.concurrency import arate_limit as rate_limit
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
