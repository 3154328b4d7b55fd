"""The options of `@task` about caching: their checks, and what they come to."""

from __future__ import annotations

import sys
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from legato._settings.current import current as settings

if TYPE_CHECKING:
    from legato._sdk.cache_policies import CachePolicy
    from legato._sdk.options import TaskSettings


def checked_expiration(value: object) -> timedelta | None:
    """Return how long a cached result holds; a number is one of seconds."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = timedelta(seconds=value)
    if not isinstance(value, timedelta):
        raise TypeError(
            f"cache_expiration must be a timedelta or a number of seconds, not {value!r}."
        )
    if value <= timedelta(0):
        raise ValueError(
            f"cache_expiration must be longer than nothing, but is {value}; a task whose results "
            "are not to be cached has cache_policy=NO_CACHE."
        )
    return value


def check(given: TaskSettings) -> None:
    """Raise TypeError or ValueError for a bad option; warn of one that has no effect."""
    checked_expiration(given.cache_expiration)
    if given.refresh_cache is not None and type(given.refresh_cache) is not bool:
        raise TypeError(f"refresh_cache must be True, False or None, not {given.refresh_cache!r}.")
    if given.cache_key_fn is not None and not callable(given.cache_key_fn):
        raise TypeError(f"cache_key_fn must be callable, not {given.cache_key_fn!r}.")
    _check_policy(given.cache_policy)
    if not implies_keeping(given):
        return
    if given.cache_key_fn is not None and named(given):
        _warn("cache_policy has no effect beside cache_key_fn; give one of them.")
    if given.persist_result is False:
        option = "cache_policy" if given.cache_key_fn is None else "cache_key_fn"
        _warn(f"{option} has no effect with persist_result=False: only stored results are cached.")


def _check_policy(value: Any) -> None:
    if value is None or value is UNSET:
        return
    from legato._sdk.cache_policies import CachePolicy

    if isinstance(value, CachePolicy):
        return
    hint = "give one of legato.cache_policies, or an object of a class derived from CachePolicy"
    if CachePolicy in getattr(value, "__mro__", ()):
        hint = f"write {value.__name__}()"
    elif callable(value):
        hint = "a function is given as cache_key_fn"
    raise TypeError(f"cache_policy must be a cache policy, not {value!r}: {hint}.")


def _warn(message: str) -> None:
    """Warn of the line of the user's that has the option."""
    level, frame = 1, sys._getframe()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("legato."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def named(given: TaskSettings) -> bool:
    """Tell whether the options name a policy, be it the one of not caching."""
    return given.cache_policy is not UNSET


def implies_keeping(given: TaskSettings) -> bool:
    """Tell whether results have to be stored because they are to be cached."""
    if given.cache_key_fn is not None:
        return True
    if given.cache_policy is None or given.cache_policy is UNSET:
        return False
    from legato._sdk.cache_policies import NO_CACHE

    return bool(given.cache_policy != NO_CACHE)


def policy(given: TaskSettings) -> CachePolicy | None:
    """Return the policy that holds under the settings of now."""
    from legato._sdk import cache_policies

    now = settings()
    if now.tasks_disable_caching or given.persist_result is False:
        return cache_policies.NO_CACHE
    if given.cache_key_fn is not None:
        return cache_policies.CachePolicy.from_cache_key_fn(given.cache_key_fn)
    if named(given):
        named_policy: CachePolicy | None = given.cache_policy
        return named_policy
    if given.result_storage_key is not None:  # the results have an address of their own
        return None
    return cache_policies.NO_CACHE if now.tasks_default_no_cache else cache_policies.DEFAULT


def without_rival(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a copy: a new policy replaces the old function, and the other way."""
    if "cache_policy" in options and "cache_key_fn" not in options:
        return {**options, "cache_key_fn": None}
    if options.get("cache_key_fn") is not None and "cache_policy" not in options:
        return {**options, "cache_policy": UNSET}
    return options
