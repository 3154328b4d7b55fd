"""Flows, runs and logs."""

from legato._model.flow_runs import FlowRunPolicy
from legato._sdk.client.objects import Flow, FlowRun, Log, TaskRun

__all__ = ["Flow", "FlowRun", "FlowRunPolicy", "Log", "TaskRun"]
