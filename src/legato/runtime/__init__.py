"""The active runs, by attribute: `runtime.flow_run.id`, `runtime.task_run.name` ..."""

from legato.runtime import deployment, flow_run, task_run

__all__ = ["deployment", "flow_run", "task_run"]
