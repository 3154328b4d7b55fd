"""The active flow run; outside of runs None, [] or {}."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from legato._sdk import runtime

id: str | None  # noqa: A001 - the name that Prefect gave it
tags: list[str]
name: str | None
flow_name: str | None
flow_version: str | None
parameters: dict[str, Any]
parent_flow_run_id: str | None
root_flow_run_id: str | None
run_count: int
scheduled_start_time: datetime | None
deployment_id: str | None
parent_deployment_id: str | None
job_variables: dict[str, Any] | None
api_url: str | None
ui_url: str | None

if not TYPE_CHECKING:  # they are read when they are asked for; other names are mistakes

    def __getattr__(name: str) -> Any:
        return runtime.flow_run(name)


def __dir__() -> list[str]:
    return sorted(runtime.FLOW_RUN)
