"""`concurrency()` and `rate_limit()`, for threads and for loops."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager

from legato._model.slots import Holder, Mode
from legato._sdk import limits
from legato._sdk.exceptions import ConcurrencySlotAcquisitionError
from legato._sdk.limits import Wish
from legato._sdk.services import backend


@contextmanager
def concurrency(  # noqa: PLR0913, PLR0917 - Prefect's signature
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Holder | None = None,
    raise_on_lease_renewal_failure: bool | None = None,
) -> Generator[None, None, None]:
    """Hold `occupy` slots of each of the limits while the block runs.

    Those who wait are served in the order in which they came. The slots are free again when the
    block ends, by whatever exception, or when the process dies. A limit that does not exist is
    passed over, or with `strict` raises ConcurrencySlotAcquisitionError. After `timeout_seconds`,
    or `max_retries` waits of at most a second, AcquireConcurrencySlotTimeoutError is raised.

    >>> with concurrency("database", occupy=1):
    ...     pass
    """
    home = backend()
    wanted = limits.wish(
        home, names, occupy, strict=strict, lease_seconds=lease_duration, holder=holder,
        timeout=timeout_seconds, tries=max_retries,
    )  # fmt: skip
    try:
        limits.take(home, wanted)
        _note_missing(wanted)
        yield
    finally:
        kept = not wanted.names_held or limits.release(home, wanted)
    _refuse_lost(wanted, kept, strict, raise_on_lease_renewal_failure)


@asynccontextmanager
async def aconcurrency(  # noqa: PLR0913, PLR0917 - Prefect's signature
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Holder | None = None,
    raise_on_lease_renewal_failure: bool | None = None,
) -> AsyncGenerator[None, None]:
    """Hold `occupy` slots of each of the limits while the block runs; see `concurrency`."""
    home = backend()
    wanted = limits.wish(
        home, names, occupy, strict=strict, lease_seconds=lease_duration, holder=holder,
        timeout=timeout_seconds, tries=max_retries,
    )  # fmt: skip
    try:
        await limits.atake(home, wanted)
        _note_missing(wanted)
        yield
    finally:
        kept = not wanted.names_held or limits.release(home, wanted)
    _refuse_lost(wanted, kept, strict, raise_on_lease_renewal_failure)


def rate_limit(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until each of the limits has `occupy` slots, and use them up.

    The limits have a `slot_decay_per_second`, the rate at which slots come back; for others
    ConcurrencySlotAcquisitionError is raised. See `concurrency` for the rest.

    >>> rate_limit("api")
    """
    home = backend()
    wanted = limits.wish(
        home, names, occupy, mode=Mode.rate_limit, strict=strict, timeout=timeout_seconds
    )
    limits.take(home, wanted)
    _note_missing(wanted)


async def arate_limit(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until each of the limits has `occupy` slots, and use them up; see `rate_limit`."""
    home = backend()
    wanted = limits.wish(
        home, names, occupy, mode=Mode.rate_limit, strict=strict, timeout=timeout_seconds
    )
    await limits.atake(home, wanted)
    _note_missing(wanted)


def _note_missing(wanted: Wish) -> None:
    missing: Sequence[str] = [name for name in wanted.names if name not in wanted.names_held]
    if missing:
        limits.warn(
            f"Concurrency limits {missing} do not exist: nothing is waited for. Create one with "
            "`legato global-concurrency-limit create NAME --limit N`."
        )


def _refuse_lost(wanted: Wish, kept: bool, strict: bool, raises: bool | None) -> None:
    """Say that slots were taken away while the block ran."""
    if kept:
        return
    message = f"The slots of {wanted.names_held} were taken away while they were held."
    if strict if raises is None else raises:
        raise ConcurrencySlotAcquisitionError(message)
    limits.warn(message)
