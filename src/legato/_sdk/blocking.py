"""A task without `async` that is called in an async flow holds up its event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from legato._sdk import parking, run_logs

if TYPE_CHECKING:
    from legato._sdk.context import TaskRunContext

_told: set[str] = set()


def notice(run: TaskRunContext) -> None:
    """Say once for each task that a call of it took long on the loop of an async flow."""
    flow = run.flow_run_context
    if flow is None or not flow.flow.isasync or parking.running_loop() is None:
        return
    if run.task.task_key in _told:
        return
    _told.add(run.task.task_key)
    name, took = run.task.name, run.progress.total_run_time
    run_logs.say(
        run,
        run_logs.WARNING,
        f"Task {name!r} has held up the event loop for {took:.2f} s: nothing else ran meanwhile. "
        f"Write `await {name}.submit(...)`, which runs it in a thread, or make it async.",
    )
