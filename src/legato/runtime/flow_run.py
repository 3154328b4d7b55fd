"""The active flow run; outside of runs None, [] or {}."""

from __future__ import annotations

from typing import Any

from legato._sdk import runtime


def __getattr__(name: str) -> Any:
    return runtime.flow_run(name)


def __dir__() -> list[str]:
    return sorted(runtime.FLOW_RUN)
