"""The rows of the table of settings that only a server reads."""

from __future__ import annotations

from legato._settings.kinds import (
    LEVEL,
    LOG_FORMAT,
    NAMES,
    SECONDS,
    TEXT,
    Level,
    LogFormat,
    optional,
    whole,
)
from legato._settings.setting import Setting


def _days(kind: str, days: int, what: str) -> Setting[int]:
    says = f"The days for which a server keeps {what}."
    return Setting(f"SERVER_KEEP_{kind}_DAYS", whole(0), days, says)


SERVER_API_HOST = Setting(
    "SERVER_API_HOST",
    TEXT,
    "127.0.0.1",
    "The address that a server listens on.",
    "PREFECT_SERVER_API_HOST",
)
SERVER_API_PORT = Setting(
    "SERVER_API_PORT",
    whole(1),
    4200,
    "The port that a server listens on.",
    "PREFECT_SERVER_API_PORT",
)
SERVER_API_BASE_PATH = Setting(
    "SERVER_API_BASE_PATH",
    TEXT,
    "/api",
    "The path below which a server's API is found.",
    "PREFECT_SERVER_API_BASE_PATH",
)
SERVER_API_AUTH_STRING = Setting(
    "SERVER_API_AUTH_STRING",
    optional(TEXT),
    None,
    "USER:PASSWORD that a server asks its clients for; unset, it listens on this machine only.",
    "PREFECT_SERVER_API_AUTH_STRING",
)
SERVER_API_KEY = Setting(
    "SERVER_API_KEY",
    optional(TEXT),
    None,
    "A key that a server lets its clients in with, which show it as `API_KEY`.",
)
SERVER_ALLOWED_HOSTS: Setting[tuple[str, ...]] = Setting(
    "SERVER_ALLOWED_HOSTS",
    NAMES,
    (),
    "Names under which clients reach a server, besides localhost and the address it listens on.",
)
SERVER_DATABASE_CONNECTION_URL = Setting(
    "SERVER_DATABASE_CONNECTION_URL",
    optional(TEXT),
    None,
    "The database of a server, postgresql://...; unset, it is that of the home.",
)
SERVER_LOGGING_LEVEL: Setting[Level] = Setting(
    "SERVER_LOGGING_LEVEL",
    LEVEL,
    "WARNING",
    "The least level at which a server says what it does; at INFO it tells each request.",
    "PREFECT_SERVER_LOGGING_LEVEL",
)
SERVER_LOGGING_FORMAT: Setting[LogFormat] = Setting(
    "SERVER_LOGGING_FORMAT",
    LOG_FORMAT,
    "text",
    "How a server writes its log: text, or json for a JSON object a line.",
)
SERVER_LATE_RUNS_AFTER_SECONDS = Setting(
    "SERVER_LATE_RUNS_AFTER_SECONDS",
    SECONDS,
    15.0,
    "How long after its time a scheduled run that has not started is called late.",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS",
)
SERVER_KEEP_FLOW_RUNS_DAYS = _days("FLOW_RUNS", 90, "flow runs after their end; 0: for ever")
SERVER_KEEP_LOGS_DAYS = _days("LOGS", 30, "log lines; 0: as long as their runs")
SERVER_KEEP_ARTIFACTS_DAYS = _days("ARTIFACTS", 90, "artifacts but each key's latest; 0: for ever")
SERVER_KEEP_EVENTS_DAYS = _days("EVENTS", 30, "events that clients told of; 0: for ever")
