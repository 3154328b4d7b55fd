"""`legato flow-run resume`: the plan first, then the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from legato._cli import exits, running
from legato._cli.exits import Failure
from legato._cli.finding import find_flow_run
from legato._cli.output import say
from legato._model.states import TERMINAL, StateType
from legato._sdk import resumption
from legato._sdk.client import get_client
from legato._sdk.exceptions import MissingFlowError, MissingResult, ParameterBindError
from legato._sdk.scripts import BrokenFile

if TYPE_CHECKING:
    from legato._sdk.client.objects import FlowRun
    from legato._sdk.resumption import Planned

SHOWN = 20


def resume(text: str, *, dry_run: bool, print_result: bool) -> int:
    """Print what becomes of the steps of a run, go on with it, and return the exit status."""
    from legato._backend.current import current

    current().send_spool()  # what the dead process could not deliver belongs to the run, too
    with get_client(sync_client=True) as client:
        run = find_flow_run(client, text)
    _refuse(run)
    plan = resumption.plan_of(run.id)
    show(run, plan)
    if dry_run:
        return exits.COMPLETED
    try:
        flow = resumption.load(run)
    except BrokenFile as broken:
        return running.report_broken(broken)
    except MissingFlowError as error:
        raise Failure(str(error)) from None
    try:
        made = resumption.execution(flow, run)
    except (MissingResult, ParameterBindError) as error:
        raise Failure(str(error)) from None
    return running.take(flow, lambda: flow.start(made, not flow.isgenerator), print_result)


def _refuse(run: FlowRun) -> None:
    if run.state_type is StateType.COMPLETED:
        raise Failure(f"The flow run {run.name!r} has completed: there is nothing to resume.")
    if run.state_type not in TERMINAL:
        raise Failure(f"The flow run {run.name!r} is {run.state_name}: it has not ended.")


def show(run: FlowRun, plan: list[Planned]) -> None:
    """Print the plan: counts, each step that runs again with the reason, what the code lacks."""
    again = [planned for planned in plan if not planned.is_reused]
    reused = len(plan) - len(again)
    say(f"Resume {run.name!r}: {steps(reused)} reused, {steps(len(again))} run again")
    show_again(again)
    _say_some("The code has changed since attempt 1", resumption.changed_files(run))
    left = resumption.left_behind(run, plan)
    _say_some("Defined no more, so not asked for", [step.name for step in left])


def show_again(again: list[Planned]) -> None:
    """Print the steps that run again, each with the reason."""
    for planned in again[:SHOWN]:
        say(f"  {planned.step.name}: {planned.why}")
    if len(again) > SHOWN:
        say(f"  ... and {len(again) - SHOWN} more")


def _say_some(what: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        say(f"{what}: {', '.join(names[:SHOWN])}{more}")


def steps(count: int) -> str:
    """Return a number of steps in words."""
    return f"{count} step" if count == 1 else f"{count} steps"
