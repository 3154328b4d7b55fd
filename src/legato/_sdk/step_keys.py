"""Step keys: what names a step of a flow run, in this attempt and in the next.

`scope / name : fp : n` with the enclosing step's key as scope, the module-qualified name, a
fingerprint of the arguments and the ordinal among equal prefixes, taken when the call is made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b
from itertools import count
from typing import Any
from uuid import UUID

from msgspec.json import Encoder

from legato._journal import forks
from legato._sdk.context import FlowRunContext, TaskRunContext, hooking
from legato._sdk.futures import Future


def _handle(value: Any) -> Any:
    """Return what a future stands for in a fingerprint: the task run that made its value."""
    if isinstance(value, Future):
        maker: UUID = value.task_run_id
        run = FlowRunContext.get()
        if run is not None and run.replay is not None:
            maker = run.replay.origins.get(maker, maker)
        return {"task_run": maker}
    raise TypeError(f"a {type(value).__name__} has no fingerprint")


FINGERPRINT_LIMIT = 64 * 1024
NO_FINGERPRINT = "-"
HOOK = "hook/"  # a scope without fingerprint and ordinal, so it is not that of a task
_encode = Encoder(order="sorted", enc_hook=_handle).encode
_BIG = frozenset({str, bytes, list, tuple, dict, set, frozenset})


class Ordinals:
    """Counters of equal prefixes, safe under threads: `next` on a count is one step.

    Forked children go on counting, each for itself; there the place of the child stands before
    the number, so that two of them never name two calls the same.
    """

    __slots__ = ("_counts", "_place")

    def __init__(self) -> None:
        self._counts: defaultdict[str, count[int]] = defaultdict(count)
        self._place = forks.place()

    @property
    def inherited(self) -> bool:
        """Whether they count for a run of the process that this one was forked from."""
        return self._place is not forks.place()

    def take(self, prefix: str) -> int | str:
        """Return 0, 1, 2 ... for each call with this prefix."""
        number = next(self._counts[prefix])
        place = forks.place()
        return number if self._place is place else f"{place}/{number}"


def canonical(parameters: Mapping[str, Any]) -> bytes | None:
    """Return arguments as canonical JSON; None if they are not JSON-able, or more than 64 KiB."""
    for value in parameters.values():
        if type(value) in _BIG and len(value) > FINGERPRINT_LIMIT:
            return None
    try:
        text = _encode(parameters)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return text if len(text) <= FINGERPRINT_LIMIT else None


def fingerprint(parameters: Mapping[str, Any]) -> str:
    """Return 16 hex digits of the arguments' canonical JSON, or `-` where there is none."""
    text = canonical(parameters)
    return NO_FINGERPRINT if text is None else blake2b(text, digest_size=8).hexdigest()


def scope_of(outer: FlowRunContext | TaskRunContext | None) -> str:
    """Return what comes before the name of a step that is called in that run."""
    scope = f"{outer.step_key}/" if isinstance(outer, TaskRunContext) else ""
    return scope + HOOK if outer is not None and hooking.get() is outer else scope


def is_of_hook(key: str) -> bool:
    """Tell whether a step was called by a hook, which runs each time that its moment comes."""
    return key.startswith(HOOK) or f"/{HOOK}" in key


def step_key(scope: str, name: str, parameters: Mapping[str, Any], ordinals: Ordinals) -> str:
    """Return the key of the step that is called now."""
    prefix = f"{scope}{name}:{fingerprint(parameters)}"
    return f"{prefix}:{ordinals.take(prefix)}"
