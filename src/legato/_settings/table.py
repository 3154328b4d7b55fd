"""The table of settings: names, kinds, defaults. All else about settings derives from it.

The rows of a server stand in `server_table.py`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeGuard

from msgspec import Struct

from legato._settings import server_table
from legato._settings.kinds import (
    DELAYS,
    FLAG,
    FOLDER,
    LEVEL,
    NAMES,
    SECONDS,
    TEXT,
    URL,
    Kind,
    Level,
    LogFormat,
    choice,
    optional,
    whole,
)
from legato._settings.setting import Setting

WhenOffline = Literal["allow", "refuse"]

_WHEN_OFFLINE: Kind[WhenOffline] = choice("allow", "refuse")


class Settings(Struct, frozen=True, kw_only=True):
    """The values that hold: one field for each row of the table (a test compares them)."""

    home: str
    profile: str
    api_url: str | None
    api_key: str | None
    api_auth_string: str | None
    logging_level: Level
    logging_extra_loggers: tuple[str, ...]
    logging_log_prints: bool
    logging_to_api_enabled: bool
    logging_to_api_max_log_size: int
    debug: bool
    flows_default_retries: int
    flows_default_retry_delay_seconds: float
    tasks_default_retries: int
    tasks_default_retry_delay_seconds: float | list[float]
    tasks_default_persist_result: bool | None
    tasks_refresh_cache: bool
    tasks_default_no_cache: bool
    tasks_disable_caching: bool
    tasks_runner_thread_pool_max_workers: int | None
    tasks_runner_process_pool_max_workers: int | None
    results_persist_by_default: bool
    results_default_serializer: str
    results_default_storage: str | None
    results_local_storage_path: str | None
    offline: WhenOffline
    spool_max_bytes: int
    spool_exit_seconds: float
    lease_seconds: float
    lease_renew_seconds: float
    cancel_grace_seconds: float
    server_api_host: str
    server_api_port: int
    server_api_base_path: str
    server_api_auth_string: str | None
    server_api_key: str | None
    server_allowed_hosts: tuple[str, ...]
    server_database_connection_url: str | None
    server_logging_level: Level
    server_logging_format: LogFormat
    server_late_runs_after_seconds: float
    server_keep_flow_runs_days: int
    server_keep_logs_days: int
    server_keep_artifacts_days: int
    server_keep_events_days: int

    def __repr__(self) -> str:
        """Show all values but the secret ones."""
        fields = (f"{row.field}={_shown(row, row.of(self))}" for row in SETTINGS)
        return f"Settings({', '.join(fields)})"


def _shown(row: Setting[Any], value: object) -> str:
    return HIDDEN if row.secret and value is not None else repr(value)


PREFIX = "LEGATO_"
HIDDEN = "********"
# Where the profiles stand and which one holds cannot itself be said in a profile. They have no
# Prefect name either: a Prefect home holds Prefect's database and profiles.
OUTSIDE_PROFILES = frozenset({"HOME", "PROFILE"})

HOME = Setting(
    "HOME",
    FOLDER,
    "~/.legato",
    "The folder that holds the database, stored results and profiles.",
)
PROFILE = Setting(
    "PROFILE",
    TEXT,
    "default",
    "The profile of profiles.toml that holds, instead of its active one.",
)
API_URL = Setting(
    "API_URL",
    optional(URL),
    None,
    "The address of a server's API; without it runs are recorded in the home.",
    "PREFECT_API_URL",
)
API_KEY = Setting(
    "API_KEY",
    optional(TEXT),
    None,
    "The key that is shown to the server.",
    "PREFECT_API_KEY",
)
API_AUTH_STRING = Setting(
    "API_AUTH_STRING",
    optional(TEXT),
    None,
    "USER:PASSWORD for a server that asks for basic authentication.",
    "PREFECT_API_AUTH_STRING",
)
LOGGING_LEVEL: Setting[Level] = Setting(
    "LOGGING_LEVEL",
    LEVEL,
    "INFO",
    "The least level at which log lines are shown and recorded.",
    "PREFECT_LOGGING_LEVEL",
)
LOGGING_EXTRA_LOGGERS: Setting[tuple[str, ...]] = Setting(
    "LOGGING_EXTRA_LOGGERS",
    NAMES,
    (),
    "Loggers that have no level of their own and are to have LOGGING_LEVEL, in and out of runs.",
    "PREFECT_LOGGING_EXTRA_LOGGERS",
)
LOGGING_LOG_PRINTS = Setting(
    "LOGGING_LOG_PRINTS",
    FLAG,
    False,
    "Whether flows and tasks that do not say otherwise log what they print.",
    "PREFECT_LOGGING_LOG_PRINTS",
)
LOGGING_TO_API_ENABLED = Setting(
    "LOGGING_TO_API_ENABLED",
    FLAG,
    True,
    "Whether the log lines of runs are recorded.",
    "PREFECT_LOGGING_TO_API_ENABLED",
)
LOGGING_TO_API_MAX_LOG_SIZE = Setting(
    "LOGGING_TO_API_MAX_LOG_SIZE",
    whole(1),
    1_000_000,
    "The bytes after which a recorded log line is cut.",
    "PREFECT_LOGGING_TO_API_MAX_LOG_SIZE",
)
DEBUG = Setting(
    "DEBUG",
    FLAG,
    False,
    "Whether tracebacks keep the frames of Legato itself.",
    "PREFECT_DEBUG_MODE",
)
FLOWS_DEFAULT_RETRIES = Setting(
    "FLOWS_DEFAULT_RETRIES",
    whole(0),
    0,
    "The retries of flows that do not say otherwise.",
    "PREFECT_FLOWS_DEFAULT_RETRIES",
    "PREFECT_FLOW_DEFAULT_RETRIES",
)
FLOWS_DEFAULT_RETRY_DELAY_SECONDS = Setting(
    "FLOWS_DEFAULT_RETRY_DELAY_SECONDS",
    SECONDS,
    0.0,
    "The delay before the retries of flows that do not say otherwise.",
    "PREFECT_FLOWS_DEFAULT_RETRY_DELAY_SECONDS",
    "PREFECT_FLOW_DEFAULT_RETRY_DELAY_SECONDS",
)
TASKS_DEFAULT_RETRIES = Setting(
    "TASKS_DEFAULT_RETRIES",
    whole(0),
    0,
    "The retries of tasks that do not say otherwise.",
    "PREFECT_TASKS_DEFAULT_RETRIES",
    "PREFECT_TASK_DEFAULT_RETRIES",
)
TASKS_DEFAULT_RETRY_DELAY_SECONDS = Setting(
    "TASKS_DEFAULT_RETRY_DELAY_SECONDS",
    DELAYS,
    0.0,
    "The delay, or one for each retry, of tasks that do not say otherwise.",
    "PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS",
    "PREFECT_TASK_DEFAULT_RETRY_DELAY_SECONDS",
)
TASKS_DEFAULT_PERSIST_RESULT = Setting(
    "TASKS_DEFAULT_PERSIST_RESULT",
    optional(FLAG),
    None,
    "Whether the results of tasks are stored; unset, RESULTS_PERSIST_BY_DEFAULT decides.",
    "PREFECT_TASKS_DEFAULT_PERSIST_RESULT",
)
TASKS_REFRESH_CACHE = Setting(
    "TASKS_REFRESH_CACHE",
    FLAG,
    False,
    "Whether tasks that do not say otherwise pass cached results over and replace them.",
    "PREFECT_TASKS_REFRESH_CACHE",
)
TASKS_DEFAULT_NO_CACHE = Setting(
    "TASKS_DEFAULT_NO_CACHE",
    FLAG,
    False,
    "Whether tasks that name no cache policy do without caching.",
    "PREFECT_TASKS_DEFAULT_NO_CACHE",
)
TASKS_DISABLE_CACHING = Setting(
    "TASKS_DISABLE_CACHING",
    FLAG,
    False,
    "Whether all tasks do without caching, whatever policy they name.",
    "PREFECT_TASKS_DISABLE_CACHING",
)
TASKS_RUNNER_THREAD_POOL_MAX_WORKERS = Setting(
    "TASKS_RUNNER_THREAD_POOL_MAX_WORKERS",
    optional(whole(1)),
    None,
    "How many submitted tasks of a flow run are at work at once in threads; unset, all that can.",
    "PREFECT_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS",
    "PREFECT_TASK_RUNNER_THREAD_POOL_MAX_WORKERS",
)
TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS = Setting(
    "TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS",
    optional(whole(1)),
    None,
    "How many processes a ProcessPoolTaskRunner starts; unset, as many as there are processors.",
    "PREFECT_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS",
)
RESULTS_PERSIST_BY_DEFAULT = Setting(
    "RESULTS_PERSIST_BY_DEFAULT",
    FLAG,
    False,
    "Whether results are stored where neither flow nor task says.",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT",
)
RESULTS_DEFAULT_SERIALIZER = Setting(
    "RESULTS_DEFAULT_SERIALIZER",
    TEXT,
    "pickle",
    "The serializer of results where neither flow nor task names one.",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER",
)
RESULTS_DEFAULT_STORAGE = Setting(
    "RESULTS_DEFAULT_STORAGE",
    optional(TEXT),
    None,
    "The storage of results where neither flow nor task names one: a folder or a URL such as "
    "s3://bucket/prefix; unset, it is RESULTS_LOCAL_STORAGE_PATH.",
)
RESULTS_LOCAL_STORAGE_PATH = Setting(
    "RESULTS_LOCAL_STORAGE_PATH",
    optional(FOLDER),
    None,
    "The folder for stored results; unset, it is storage/ in the home.",
    "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
    "PREFECT_LOCAL_STORAGE_PATH",
)
OFFLINE: Setting[WhenOffline] = Setting(
    "OFFLINE",
    _WHEN_OFFLINE,
    "allow",
    "Whether a run may start while its server cannot be reached, to be delivered later.",
)
SPOOL_MAX_BYTES = Setting(
    "SPOOL_MAX_BYTES",
    whole(65_536),
    1_073_741_824,
    "The bytes that a process keeps at most in the spool while the database cannot be used.",
)
SPOOL_EXIT_SECONDS = Setting(
    "SPOOL_EXIT_SECONDS",
    SECONDS,
    10.0,
    "How long a process that ends waits for a database in use before it leaves records in the "
    "spool.",
)
LEASE_SECONDS = Setting(
    "LEASE_SECONDS",
    SECONDS,
    15.0,
    "How long a server waits for word of a process that records through it before it takes the "
    "process for dead.",
)
LEASE_RENEW_SECONDS = Setting(
    "LEASE_RENEW_SECONDS",
    SECONDS,
    5.0,
    "How often a server is told that a process lives; at least three times in LEASE_SECONDS.",
)
CANCEL_GRACE_SECONDS = Setting(
    "CANCEL_GRACE_SECONDS",
    SECONDS,
    30.0,
    "How long a process may take to end whose run is cancelled or has taken too long, before it "
    "is killed.",
)


def _is_row(value: object) -> TypeGuard[Setting[Any]]:
    return isinstance(value, Setting)


_rows = [*globals().values(), *vars(server_table).values()]
SETTINGS: tuple[Setting[Any], ...] = tuple(filter(_is_row, _rows))
BY_NAME: dict[str, Setting[Any]] = {row.name: row for row in SETTINGS}
BY_ALIAS: dict[str, Setting[Any]] = {alias: row for row in SETTINGS for alias in row.aliases}
