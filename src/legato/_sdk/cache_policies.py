"""Cache policies: what the key of a task's cached result is made of.

A policy of ours says the parts of its key by name (`Parted.parts`), so that a run can say why it
hit or missed. A policy of the user's has `compute_key` alone; its key is one part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from legato._model.cache_lookups import NOT_COVERED
from legato._sdk.code_digest import code_digest
from legato._sdk.exceptions import HashError
from legato._sdk.hashing import hash_value
from legato._sdk.isolation import IsolationLevel
from legato._sdk.signature import underlying

if TYPE_CHECKING:
    from typing import Self

    from legato._sdk.context import TaskRunContext

CacheKeyFn = Callable[["TaskRunContext", dict[str, Any]], str | None]
Values = Mapping[str, Any]


@dataclass
class CachePolicy:
    """What says the key of a task's cached result; subclasses define `compute_key`.

    `key_storage` is where the records are kept, `isolation_level` and `lock_manager` say whether
    several may compute the same key at once.

    >>> from legato import task
    >>> from legato.cache_policies import INPUTS, CachePolicy
    >>> class ByDay(CachePolicy):
    ...     def compute_key(self, task_ctx, inputs, flow_parameters, **kwargs):
    ...         return f"report-{inputs['day']}"
    >>> @task(cache_policy=ByDay())
    ... def report(day: str, colour: str) -> str:
    ...     return f"{day} in {colour}"
    >>> report.cache_policy
    ByDay(key_storage=None, isolation_level=None, lock_manager=None)
    """

    key_storage: Any = None
    isolation_level: IsolationLevel | str | None = None
    lock_manager: Any = None

    def __post_init__(self) -> None:
        self.isolation_level = _level(self.isolation_level)

    @classmethod
    def from_cache_key_fn(cls, cache_key_fn: CacheKeyFn) -> CacheKeyFnPolicy:
        """Return the policy of a function that is given the context and the parameters.

        >>> CachePolicy.from_cache_key_fn(lambda context, parameters: "fixed").compute_key(
        ...     None, {}, {}
        ... )
        'fixed'
        """
        return CacheKeyFnPolicy(cache_key_fn=cache_key_fn)

    def configure(
        self,
        key_storage: Any = None,
        lock_manager: Any = None,
        isolation_level: IsolationLevel | str | None = None,
    ) -> Self:
        """Return a copy that keeps its records elsewhere or locks in another way.

        >>> from legato.cache_policies import INPUTS
        >>> INPUTS.configure(key_storage="keys").key_storage
        'keys'
        """
        new = copy(self)
        if key_storage is not None:
            new.key_storage = key_storage
        if lock_manager is not None:
            new.lock_manager = lock_manager
        if isolation_level is not None:
            new.isolation_level = _level(isolation_level)
        return new

    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        """Return the key for a task run, or None: then its result is not cached."""
        raise NotImplementedError(f"{type(self).__name__} has to define compute_key.")

    def __add__(self, other: CachePolicy) -> CachePolicy:
        """Return the policy whose keys are made of the keys of both."""
        _check_addend(other)
        if isinstance(other, _None):
            return self
        return CompoundCachePolicy(
            policies=[self, other],
            key_storage=_agreed(self, other, "key_storage"),
            isolation_level=_agreed(self, other, "isolation_level"),
            lock_manager=_agreed(self, other, "lock_manager"),
        )

    def __sub__(self, other: str) -> CachePolicy:
        """Return the policy without an argument; one that looks at no arguments stays itself."""
        _argument_name(other)
        return self


def _level(given: IsolationLevel | str | None) -> IsolationLevel | None:
    try:
        return None if given is None else IsolationLevel(given)
    except ValueError:
        levels = " or ".join(repr(level.value) for level in IsolationLevel)
        raise ValueError(f"isolation_level must be {levels}, not {given!r}.") from None


def _agreed(one: CachePolicy, other: CachePolicy, option: str) -> Any:
    """Return what two policies say of an option; raise ValueError if they contradict each other."""
    first, second = getattr(one, option), getattr(other, option)
    if first is not None and second is not None and first != second:
        raise ValueError(
            f"Cache policies with different {option} cannot be added: {type(one).__name__} has "
            f"{first!r}, {type(other).__name__} has {second!r}. Give it to one of them, or to the "
            f"sum: (A + B).configure({option}=...)."
        )
    return second if first is None else first


def _check_addend(given: object) -> None:
    if not isinstance(given, CachePolicy):
        raise TypeError(
            f"A cache policy is added to a cache policy, not to {given!r}; a function becomes one "
            "by CachePolicy.from_cache_key_fn."
        )


def _argument_name(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(f"From a cache policy the name of an argument is taken, not {given!r}.")
    return given


class Parted(CachePolicy):
    """A policy that says what its key is made of."""

    spans_runs = True
    """Whether another flow run can have the same key."""

    def parts(self, task_ctx: Any, inputs: Values, flow_parameters: Values) -> dict[str, str]:
        """Return the hashes that the key is made of; what begins with `not covered:` is a note."""
        raise NotImplementedError

    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        """Return the key: a hash of the parts, or None where there are none."""
        return joined(self.parts(task_ctx, inputs or {}, flow_parameters or {}))


def joined(parts: Mapping[str, str]) -> str | None:
    """Return the key of named hashes."""
    counted = {name: part for name, part in parts.items() if not name.startswith(NOT_COVERED)}
    return hash_value(counted) if counted else None


@dataclass
class CacheKeyFnPolicy(CachePolicy):
    """The policy of a function `f(context, parameters)` that returns a key or None."""

    cache_key_fn: CacheKeyFn | None = None

    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        """Return what the function returns."""
        return None if self.cache_key_fn is None else self.cache_key_fn(task_ctx, inputs)


@dataclass
class CompoundCachePolicy(CachePolicy):
    """The sum of policies; those without a key are left out of it.

    >>> from legato.cache_policies import INPUTS, TASK_SOURCE
    >>> [type(policy).__name__ for policy in (TASK_SOURCE + (INPUTS - "verbose")).policies]
    ['TaskSource', 'Inputs']
    """

    policies: list[CachePolicy] = field(default_factory=list[CachePolicy])

    def __post_init__(self) -> None:
        super().__post_init__()
        flat: list[CachePolicy] = []
        for policy in self.policies:
            flat += policy.policies if isinstance(policy, CompoundCachePolicy) else [policy]
        inputs = [policy for policy in flat if type(policy) is Inputs]
        self.policies = [policy for policy in flat if type(policy) is not Inputs]
        if inputs:  # what one of them leaves out is left out
            left_out = {name for policy in inputs for name in policy.exclude}
            self.policies.append(Inputs(exclude=sorted(left_out)))

    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        """Return the hash of the parts of all policies."""
        parts, _ = parts_of(self, task_ctx, inputs or {}, flow_parameters or {})
        return joined(parts)

    def __sub__(self, other: str) -> CachePolicy:
        """Return the sum with policies that do not look at an argument."""
        name = _argument_name(other)
        new = copy(self)
        new.policies = [policy - name for policy in self.policies]
        return new


@dataclass
class _None(CachePolicy):
    """No key, so no caching."""

    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        """Return None."""
        return None

    def __add__(self, other: CachePolicy) -> CachePolicy:
        """Return the other policy."""
        _check_addend(other)
        return other


@dataclass
class TaskSource(Parted):
    """The code of the task's own function; comments, formatting and docstrings do not count.

    Functions that it calls are not covered: see CODE_CLOSURE.
    """

    def parts(self, task_ctx: Any, inputs: Values, flow_parameters: Values) -> dict[str, str]:
        """Return the hash of the name and the code."""
        fn = getattr(getattr(task_ctx, "task", None), "fn", None)
        function = None if fn is None else underlying(fn)
        if function is None:
            return {}
        source = f"{function.__qualname__} {code_digest(function.__code__)}"
        return {"task_source": hash_value(source)}


@dataclass
class CodeClosure(Parted):
    """The code of the task's function and all of the user's code that it can reach.

    Functions, classes and constants, followed through imports and closures; installed packages
    count by version. What cannot be followed is named in the parts of the key.

    >>> from legato import task
    >>> from legato.cache_policies import CODE_CLOSURE, INPUTS
    >>> @task(cache_policy=INPUTS + CODE_CLOSURE)
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double.persist_result
    True
    """

    def parts(self, task_ctx: Any, inputs: Values, flow_parameters: Values) -> dict[str, str]:
        """Return a hash for each function, class and constant, and the versions of packages."""
        from legato._sdk.code_closure import closure_parts

        fn = getattr(getattr(task_ctx, "task", None), "fn", None)
        return {} if fn is None else closure_parts(fn)


@dataclass
class FlowParameters(Parted):
    """The parameters of the flow run around."""

    def parts(self, task_ctx: Any, inputs: Values, flow_parameters: Values) -> dict[str, str]:
        """Return a hash for each parameter."""
        return {
            f"flow_parameters.{name}": hash_value(value, f"The flow parameter {name}")
            for name, value in flow_parameters.items()
        }


@dataclass
class RunId(Parted):
    """The flow run around, or the task run outside of flows: keys hold within a run only."""

    spans_runs = False

    def parts(self, task_ctx: Any, inputs: Values, flow_parameters: Values) -> dict[str, str]:
        """Return the id of the run."""
        if task_ctx is None:
            return {}
        flow = task_ctx.flow_run_context
        return {"run_id": str(task_ctx.id if flow is None else flow.id)}


@dataclass
class Inputs(Parted):
    """The arguments of the task run, without those in `exclude`."""

    exclude: list[str] = field(default_factory=list[str])

    def parts(self, task_ctx: Any, inputs: Values, flow_parameters: Values) -> dict[str, str]:
        """Return a hash for each argument; raise HashError for one that has none."""
        return {
            f"inputs.{name}": _input_hash(name, value)
            for name, value in inputs.items()
            if name not in self.exclude
        }

    def __sub__(self, other: str) -> CachePolicy:
        """Return the policy without an argument."""
        new = copy(self)
        new.exclude = [*self.exclude, _argument_name(other)]
        return new


def _input_hash(name: str, value: Any) -> str:
    try:
        return hash_value(value, f"The argument {name}")
    except HashError as error:
        raise HashError(
            f"{error} Leave the argument out of the key (cache_policy=INPUTS - {name!r}), give the "
            "key yourself (cache_key_fn=...), or turn caching off (cache_policy=NO_CACHE)."
        ) from error


def says_its_parts(policy: CachePolicy) -> bool:
    """Tell whether a policy's key is that of its parts, and not computed by the user."""
    ours = (Parted.compute_key, CompoundCachePolicy.compute_key)
    return type(policy).compute_key in ours


def parts_of(
    policy: CachePolicy, task_ctx: Any, inputs: Values, flow_parameters: Values
) -> tuple[dict[str, str], bool]:
    """Return (what the key of any policy is made of, whether other runs can have the same)."""
    if isinstance(policy, CompoundCachePolicy) and says_its_parts(policy):
        found: dict[str, str] = {}
        spans = True
        for each in policy.policies:
            parts, spans_too = parts_of(each, task_ctx, inputs, flow_parameters)
            spans = spans and spans_too
            for name, part in parts.items():
                found[f"{name}#{len(found)}" if name in found else name] = part
        return found, spans
    spans = getattr(policy, "spans_runs", True)
    if isinstance(policy, Parted) and says_its_parts(policy):
        return policy.parts(task_ctx, inputs, flow_parameters), spans
    key = checked_key(policy, policy.compute_key(task_ctx, dict(inputs), dict(flow_parameters)))
    return ({} if key is None else {type(policy).__name__: key}), spans


def checked_key(policy: CachePolicy, key: object) -> str | None:
    """Return what a policy of the user's computed; raise TypeError if it is no key."""
    if key is None or isinstance(key, str):
        return key
    source: object = policy
    if isinstance(policy, CacheKeyFnPolicy):
        source = getattr(policy.cache_key_fn, "__qualname__", policy.cache_key_fn)
    raise TypeError(f"A cache key must be a string or None, but {source} returned {key!r}.")


INPUTS = Inputs()
NONE = NO_CACHE = _None()
TASK_SOURCE = TaskSource()
CODE_CLOSURE = CodeClosure()
FLOW_PARAMETERS = FlowParameters()
RUN_ID = RunId()
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID
