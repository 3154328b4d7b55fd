"""How old something has to be to go: what settings and options say of it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from legato._settings import current as configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def kept() -> Mapping[str, timedelta]:
    """Return how long each kind is kept that is not kept for ever."""
    from legato._control.duties import retention

    settings = configuration.current()
    days = {
        retention.FLOW_RUNS: settings.server_keep_flow_runs_days,
        retention.TASK_RUNS: settings.server_keep_flow_runs_days,
        retention.LOGS: settings.server_keep_logs_days,
        retention.ARTIFACTS: settings.server_keep_artifacts_days,
        retention.EVENTS: settings.server_keep_events_days,
    }
    return {kind: timedelta(days=kept) for kind, kept in days.items() if kept}


class Age(click.ParamType["timedelta"]):
    """An age such as 30d: a whole number and a unit."""

    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9})([smhdw])", str(value), re.ASCII)
        try:
            return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else self._refuse(value)
        except OverflowError:
            return self._refuse(value)

    def _refuse(self, value: object) -> timedelta:
        self.fail(f"{value!r} is no age: write a whole number and s, m, h, d or w, as in 30d.")
