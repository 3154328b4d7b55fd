"""Every operation there is."""

from __future__ import annotations

from legato._model.operations import admin, flow_runs, flows, logs, states, task_runs
from legato._model.operations.spec import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    flows.CreateFlow,
    flows.ReadFlow,
    flows.ReadFlowByName,
    flows.FilterFlows,
    flows.CountFlows,
    flows.DeleteFlow,
    flow_runs.CreateFlowRun,
    flow_runs.ReadFlowRun,
    flow_runs.FilterFlowRuns,
    flow_runs.CountFlowRuns,
    flow_runs.UpdateFlowRun,
    flow_runs.SetFlowRunState,
    flow_runs.DeleteFlowRun,
    task_runs.CreateTaskRun,
    task_runs.ReadTaskRun,
    task_runs.FilterTaskRuns,
    task_runs.CountTaskRuns,
    task_runs.SetTaskRunState,
    task_runs.DeleteTaskRun,
    states.ReadFlowRunState,
    states.ReadFlowRunStates,
    states.ReadTaskRunStates,
    logs.CreateLogs,
    logs.FilterLogs,
    admin.Hello,
)
