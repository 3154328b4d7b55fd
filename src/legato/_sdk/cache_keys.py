"""The cache key of a task run, with what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from legato._sdk import cache_policies
from legato._sdk.cache_policies import CacheKeyFnPolicy, CachePolicy
from legato._sdk.exceptions import HashError

if TYPE_CHECKING:
    from legato._sdk.context import TaskRunContext
    from legato._sdk.task import Task


class CacheKey(Struct, frozen=True):
    """A key, the hashes that it is made of by name, and what kept it from being made."""

    key: str | None
    parts: dict[str, str]
    spans_runs: bool
    """Whether another run can have the same key; False as soon as RUN_ID takes part."""
    problem: str | None = None
    """Why there is no key, in a line for the run's log."""


NO_KEY = CacheKey(None, {}, spans_runs=False)


def key_of(
    policy: CachePolicy | None,
    task_ctx: TaskRunContext | None,
    inputs: Mapping[str, Any],
    flow_parameters: Mapping[str, Any],
) -> CacheKey:
    """Return the key that a policy gives; raise HashError for an argument without content.

    What the user's own policy or function raises is passed on.
    """
    if policy is None or policy == cache_policies.NO_CACHE:
        return NO_KEY
    parts, spans = cache_policies.parts_of(policy, task_ctx, inputs, flow_parameters)
    if cache_policies.says_its_parts(policy):
        key = cache_policies.joined(parts)
    else:
        key = next(iter(parts.values()), None)
    return CacheKey(key, parts, spans)


def cache_key(
    task: Task[Any, Any],
    policy: CachePolicy | None,
    task_ctx: TaskRunContext,
    inputs: Mapping[str, Any],
    flow_parameters: Mapping[str, Any],
) -> CacheKey:
    """Return the key of a task run under the task's policy of now.

    A function or policy of the user's that raises costs the run its caching only, and so does an
    argument without content where nobody asked for caching by it. Where the task names its policy,
    that argument is an error of the call: raises HashError.
    """
    if policy is None:
        return NO_KEY
    try:
        return key_of(policy, task_ctx, inputs, flow_parameters)
    except HashError as error:
        if task.names_cache_policy and not isinstance(policy, CacheKeyFnPolicy):
            raise
        return _without(f"The result of task {task.name!r} is not cached. {error}")
    except Exception as error:  # noqa: BLE001 - the user's function or policy
        return _without(
            f"The cache key of task {task.name!r} could not be made, so its result is not cached: "
            f"{type(error).__name__}: {error}"
        )


def _without(problem: str) -> CacheKey:
    return CacheKey(None, {}, spans_runs=False, problem=problem)
