"""The deployment that the active flow run is of; without one None or {}."""

from __future__ import annotations

from typing import Any

from legato._sdk import runtime


def __getattr__(name: str) -> Any:
    return runtime.deployment(name)


def __dir__() -> list[str]:
    return sorted(runtime.DEPLOYMENT)
