"""The active task run; outside of runs None, [] or {}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._sdk import runtime

id: str | None  # noqa: A001 - the name that Prefect gave it
tags: list[str]
name: str | None
task_name: str | None
parameters: dict[str, Any]
run_count: int
api_url: str | None
ui_url: str | None

if not TYPE_CHECKING:  # they are read when they are asked for; other names are mistakes

    def __getattr__(name: str) -> Any:
        return runtime.task_run(name)


def __dir__() -> list[str]:
    return sorted(runtime.TASK_RUN)
