"""Whether a failed run is tried again, and when: the one decider for tasks and flows."""

from __future__ import annotations

from math import exp, log1p

from msgspec import Struct

MAX_DELAYS = 50


class RetryPolicy(Struct, frozen=True):
    """How often a run is tried again, and how many seconds lie between.

    The last of `delays` (seconds) counts for all further tries. `jitter_factor` >= 0 spreads a
    delay at random around its value, by at most (1 + factor) times.
    """

    retries: int = 0
    delays: tuple[float, ...] = ()
    jitter_factor: float | None = None


def delay_after(policy: RetryPolicy, failures: int) -> float | None:
    """Return the seconds to wait after failure number `failures` (1, 2, ...); None: give up."""
    if failures > policy.retries:
        return None
    if not policy.delays:
        return 0.0
    return max(0.0, policy.delays[min(failures, len(policy.delays)) - 1])


def jittered(delay: float, factor: float | None, draw: float) -> float:
    """Spread `delay` with one random `draw` in [0, 1).

    An exponential variate with mean `delay`, cut to between `delay / (1 + factor)` and
    `delay * (1 + factor)`: many clients that failed together come back apart.
    """
    if not factor or delay <= 0:
        return delay
    low, high = delay / (1 + factor), delay * (1 + factor)
    reach = 1 - exp(-high / delay)
    spread = -delay * log1p(-draw * reach)
    return min(max(spread, low), high)


def exponential(backoff_factor: float, retries: int) -> list[float]:
    """Return the delays of an exponential backoff: factor, 2 factor, 4 factor ..."""
    if backoff_factor < 0:
        raise ValueError("backoff_factor must not be negative")
    return [backoff_factor * 2**n for n in range(min(retries, MAX_DELAYS))]
