"""The options of `@flow` and `@task`: what users write, and the frozen form that is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

from msgspec import UNSET, Struct, UnsetType

from legato._model import retries as retry_rules
from legato._model.errors import DefinitionError
from legato._sdk.exceptions import InvalidNameError

if TYPE_CHECKING:
    from legato._sdk.cache_policies import CachePolicy  # noqa: TC004 - loaded by who uses one

Hook = Callable[..., Any]
Delays = float | int | Sequence[float] | Callable[[int], list[float]]
S = TypeVar("S", bound=Struct)
BANNED_IN_FLOW_NAMES = "/%&><"


class FlowOptions(TypedDict, total=False):
    """The options of `@flow`; None means the default."""

    name: str | None
    version: str | None
    flow_run_name: str | Callable[[], str] | None
    retries: int | None
    retry_delay_seconds: float | int | None
    task_runner: Any
    description: str | None
    timeout_seconds: float | int | None
    validate_parameters: bool | None
    persist_result: bool | None
    result_storage: Any
    result_serializer: Any
    cache_result_in_memory: bool | None
    log_prints: bool | None
    durable: bool | Literal["local"] | None
    on_replay_change: Literal["rerun", "reuse", "fail"] | None
    on_completion: list[Hook] | None
    on_failure: list[Hook] | None
    on_cancellation: list[Hook] | None
    on_crashed: list[Hook] | None
    on_running: list[Hook] | None


class TaskOptions(TypedDict, total=False):
    """The options of `@task`; None means the default, but for `cache_policy`: no caching."""

    name: str | None
    description: str | None
    tags: Iterable[str] | None
    version: str | None
    cache_policy: CachePolicy | UnsetType | None
    cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None
    cache_expiration: timedelta | float | int | None
    refresh_cache: bool | None
    task_run_name: str | Callable[..., str] | None
    retries: int | None
    retry_delay_seconds: Delays | None
    retry_jitter_factor: float | None
    retry_condition_fn: Callable[..., Any] | None
    persist_result: bool | None
    result_storage: Any
    result_storage_key: str | None
    result_serializer: Any
    cache_result_in_memory: bool | None
    timeout_seconds: float | int | None
    log_prints: bool | None
    step_key: str | None
    viz_return_value: Any
    on_completion: list[Hook] | None
    on_failure: list[Hook] | None
    on_running: list[Hook] | None
    on_commit: list[Hook] | None
    on_rollback: list[Hook] | None


class FlowSettings(Struct, frozen=True, kw_only=True):
    """`FlowOptions`, frozen."""

    name: str | None = None
    version: str | None = None
    flow_run_name: Any = None
    retries: int | None = None
    retry_delay_seconds: Any = None
    task_runner: Any = None
    description: str | None = None
    timeout_seconds: float | None = None
    validate_parameters: bool | None = None
    persist_result: bool | None = None
    result_storage: Any = None
    result_serializer: Any = None
    cache_result_in_memory: bool | None = None
    log_prints: bool | None = None
    durable: bool | Literal["local"] | None = None
    on_replay_change: Literal["rerun", "reuse", "fail"] | None = None
    on_completion: Any = None
    on_failure: Any = None
    on_cancellation: Any = None
    on_crashed: Any = None
    on_running: Any = None


class TaskSettings(Struct, frozen=True, kw_only=True):
    """`TaskOptions`, frozen."""

    name: str | None = None
    description: str | None = None
    tags: Any = None
    version: str | None = None
    cache_policy: Any = UNSET
    cache_key_fn: Any = None
    cache_expiration: Any = None
    refresh_cache: Any = None
    task_run_name: Any = None
    retries: int | None = None
    retry_delay_seconds: Any = None
    retry_jitter_factor: float | None = None
    retry_condition_fn: Any = None
    persist_result: bool | None = None
    result_storage: Any = None
    result_storage_key: str | None = None
    result_serializer: Any = None
    cache_result_in_memory: bool | None = None
    timeout_seconds: float | None = None
    log_prints: bool | None = None
    step_key: str | None = None
    viz_return_value: Any = None
    on_completion: Any = None
    on_failure: Any = None
    on_running: Any = None
    on_commit: Any = None
    on_rollback: Any = None


def checked_name(name: object, noun: str, banned: str = "") -> str:
    """Return the name of a flow or task; raise TypeError or InvalidNameError."""
    if not isinstance(name, str):
        raise TypeError(f"The name of a {noun} must be a string, not {type(name).__name__}.")
    if bad := sorted(set(name) & set(banned)):
        raise InvalidNameError(
            f"The {noun} name {name!r} has {' '.join(bad)}; names may not contain any of / % & > <."
        )
    return name


def checked_tags(value: object, where: str) -> frozenset[str]:
    """Return tags as a set; raise TypeError naming what is no tag."""
    if value is None:
        return frozenset()
    if isinstance(value, str):
        raise TypeError(
            f"{where} must be a list of strings, not the text {value!r}: write [{value!r}]."
        )
    if not isinstance(value, Iterable):
        raise TypeError(f"{where} must be a list of strings, not {value!r}.")
    given = list(cast("Iterable[object]", value))
    for tag in given:
        if not isinstance(tag, str):
            raise TypeError(f"{where} must be strings, but {tag!r} is none.")
    return frozenset(cast("list[str]", given))


def checked_count(value: object, option: str) -> int:
    """Return a number of retries; raise TypeError or ValueError naming the option."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{option} must be a whole number, not {value!r}.")
    if value < 0:
        raise ValueError(f"{option} must not be negative, but is {value}.")
    return value


def checked_timeout(value: object) -> float | None:
    """Return a timeout in seconds; 0 and None mean none."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"timeout_seconds must be a number of seconds, not {value!r}.")
    if value < 0:
        raise ValueError(f"timeout_seconds must not be negative, but is {value}.")
    return float(value) or None


def delays(value: Any, retries: int) -> tuple[Any, tuple[float, ...]]:
    """Return (what the user sees as `retry_delay_seconds`, the delays in seconds)."""
    if callable(value):
        value = value(retries)
    if value is None:
        return 0, ()
    if isinstance(value, int | float):
        return value, (float(value),) if value else ()
    found = list(value)
    if len(found) > retry_rules.MAX_DELAYS:
        raise ValueError(f"retry_delay_seconds can have at most {retry_rules.MAX_DELAYS} delays.")
    if not all(isinstance(delay, int | float) for delay in found):
        raise TypeError(f"retry_delay_seconds must be numbers of seconds, not {value!r}.")
    return found, tuple(float(delay) for delay in found)


def checked_choice(value: object, option: str, choices: Sequence[object]) -> None:
    """Raise ValueError for a value that is none of the choices; None is the default."""
    if value is not None and value not in choices:
        known = ", ".join(map(repr, choices))
        raise ValueError(f"{option} must be one of {known}, not {value!r}.")


def checked_run_name(value: object, option: str) -> Any:
    """Return a run name option: a template, a callable or None."""
    if value is None or isinstance(value, str) or callable(value):
        return value
    raise TypeError(f"{option} must be a string or a callable, not {value!r}.")


def checked_hooks(value: object, option: str) -> list[Hook]:
    """Return a list of hooks of its own; raise TypeError naming the option."""
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{option} must be a list of callables, not {value!r}.")
    hooks: list[Hook] = []
    for hook in cast("Iterable[object]", value):
        if not callable(hook):
            raise TypeError(f"{option} has {hook!r}, which cannot be called.")
        hooks.append(hook)
    return hooks


def asked_to_keep(given: FlowSettings | TaskSettings) -> bool | None:
    """Tell whether results are stored, as the options say it outright or imply it; else None."""
    if given.persist_result is not None:
        return given.persist_result
    implied = (
        given.result_storage,
        given.result_serializer,
        getattr(given, "result_storage_key", None),
    )
    if any(option is not None for option in implied):
        return True
    if isinstance(given, TaskSettings) and _asks_for_caching(given):
        from legato._sdk import cache_options

        return cache_options.implies_keeping(given) or None
    return None


def _asks_for_caching(given: TaskSettings) -> bool:
    """Tell whether an option about caching is given; the others load nothing for it."""
    return given.cache_policy is not UNSET or given.cache_key_fn is not None


def check_cache_options(given: TaskSettings) -> None:
    """Raise TypeError or ValueError for a bad option about caching."""
    times = given.cache_expiration is not None or given.refresh_cache is not None
    if times or _asks_for_caching(given):
        from legato._sdk import cache_options

        cache_options.check(given)


def name_storages(given: FlowSettings | TaskSettings) -> None:
    """Note the storages that the options name: this process may load results from them."""
    keys = getattr(getattr(given, "cache_policy", None), "key_storage", None)
    if given.result_storage is not None or keys is not None:
        from legato._sdk.storage import remember

        remember(given.result_storage, keys)


def frozen(kind: type[S], options: Any, noun: str) -> S:
    """Return the options as a Struct; raise DefinitionError for a name that does not exist."""
    try:
        return kind(**options)
    except TypeError:
        known = kind.__struct_fields__
        unknown: list[str] = sorted(set(options) - set(known))
        if not unknown:
            raise
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise DefinitionError(f"@{noun} has no option {unknown[0]!r}{hint}") from None
