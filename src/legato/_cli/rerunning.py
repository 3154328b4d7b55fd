"""`legato flow-run rerun`: the plan first, then the new run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from legato._cli import arguments, exits, resuming, running
from legato._cli.exits import Failure, Misuse
from legato._cli.finding import find_flow_run
from legato._cli.output import say
from legato._model.states import StateType
from legato._sdk import rerunning, resumption
from legato._sdk.client import get_client
from legato._sdk.exceptions import (
    MissingFlowError,
    MissingResult,
    MissingTaskError,
    ObjectAlreadyExists,
    ParameterBindError,
    ParameterTypeError,
)
from legato._sdk.scripts import BrokenFile

if TYPE_CHECKING:
    from legato._sdk.flow_execution import FlowExecution
    from legato._sdk.rerunning import Again
    from legato._sdk.scripts import AnyFlow

_CANNOT = (MissingFlowError, MissingResult, MissingTaskError, ObjectAlreadyExists)


class Asked(NamedTuple):
    """What the command line asks for."""

    from_task: str | None
    all_tasks: bool
    params: tuple[str, ...]
    dry_run: bool
    print_result: bool


def rerun(text: str, asked: Asked) -> int:
    """Print what becomes of the steps of a run, do it again, and return the exit status."""
    from legato._backend.current import current

    current().send_spool()  # what the dead process could not deliver belongs to the run, too
    with get_client(sync_client=True) as client:
        run_id = find_flow_run(client, text).id
    try:
        again = rerunning.look(
            run_id, asked.from_task, all_tasks=asked.all_tasks, changed=bool(asked.params)
        )
        _show(again)
        if asked.params:
            say("  Steps that are called with other arguments than before run again, too.")
        flow = resumption.load(again.run)
        made = _execution(again, flow, asked)
    except BrokenFile as broken:
        return running.report_broken(broken)
    except _CANNOT as error:
        raise Failure(str(error)) from None
    if asked.dry_run:
        return exits.COMPLETED
    return running.take(flow, lambda: flow.start(made, not flow.isgenerator), asked.print_result)


def _execution(again: Again, flow: AnyFlow, asked: Asked) -> FlowExecution:
    changes = arguments.changes(flow, asked.params)
    for name in rerunning.left_out(again.run, flow):
        say(f"The flow takes no parameter {name!r} any more; it is left out.")
    try:
        return rerunning.execution(again, flow, changes)
    except (ParameterBindError, ParameterTypeError) as error:
        raise Misuse(str(error)) from None


def _show(again: Again) -> None:
    """Print the plan: counts, then each step that runs again with the reason, then the rest."""
    plan = again.plan.steps()
    repeated = [planned for planned in plan if not planned.is_reused]
    reused = [planned.step.name for planned in plan if planned.is_reused]
    counts = f"{resuming.steps(len(reused))} reused, {resuming.steps(len(repeated))} run again"
    rest = "" if again.run.state_type is StateType.COMPLETED else ", then what it did not reach"
    say(f"Rerun of {again.run.name!r}: {counts}{rest}")
    resuming.show_again(repeated)
    if reused:
        more = f" and {len(reused) - resuming.SHOWN} more" if len(reused) > resuming.SHOWN else ""
        say(f"  reused: {', '.join(reused[: resuming.SHOWN])}{more}")
