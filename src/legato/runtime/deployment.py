"""The deployment that the active flow run is of; without one None or {}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._sdk import runtime

id: str | None  # noqa: A001 - the name that Prefect gave it
name: str | None
version: str | None
parameters: dict[str, Any]
flow_run_id: str | None

if not TYPE_CHECKING:  # they are read when they are asked for; other names are mistakes

    def __getattr__(name: str) -> Any:
        return runtime.deployment(name)


def __dir__() -> list[str]:
    return sorted(runtime.DEPLOYMENT)
