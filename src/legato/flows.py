"""Flows."""

from legato._sdk.flow import Flow, flow

__all__ = ["Flow", "flow"]
