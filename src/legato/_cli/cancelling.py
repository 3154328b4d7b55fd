"""`legato flow-run cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from legato._cli.exits import Failure
from legato._cli.finding import find_flow_run
from legato._cli.output import say
from legato._model.operations.attempts import ListAttempts
from legato._model.states import TERMINAL
from legato._sdk.client import get_client
from legato._sdk.services import backend
from legato._sdk.states import Cancelled, Cancelling

if TYPE_CHECKING:
    from legato._model.attempts import Attempt
    from legato._model.states import State
    from legato._sdk.client.objects import FlowRun
    from legato._sdk.client.sync import SyncClient

_MESSAGE = "Cancelled from the command line."


def cancel(words: tuple[str, ...]) -> None:
    """Cancel flow runs; those that have ended are a Failure, said when the others are cancelled."""
    with get_client(sync_client=True) as client:
        found = {run.id: run for run in (find_flow_run(client, word) for word in words)}
        ended = [reason for run in found.values() if (reason := _cancel(client, run))]
    if ended:
        raise Failure("\n".join(ended))


def _cancel(client: SyncClient, run: FlowRun) -> str | None:
    """Cancel a flow run; return why that is not possible."""
    if run.state_type in TERMINAL:
        return _stands(run, run.state)
    holder = _holder(run)
    state = Cancelled(message=_MESSAGE) if holder is None else Cancelling(message=_MESSAGE)
    answer = client.set_flow_run_state(run.id, state)
    if answer.status != "ACCEPT":
        return _stands(run, answer.state)
    if holder is None:
        say(f"Cancelled the flow run {run.name!r} ({run.id}).")
        return None
    say(
        f"The flow run {run.name!r} ({run.id}) is {state.name}; process {holder.pid} on"
        f" {holder.host} has it. {_outlook(holder)}"
    )
    return None


def _stands(run: FlowRun, state: State | None) -> str:
    name = "-" if state is None else state.name
    return f"The flow run {run.name!r} ({run.id}) cannot be cancelled; it is {name}."


def _holder(run: FlowRun) -> Attempt | None:
    """Return the attempt of a process that has the run now; None: nobody has it."""
    attempts: list[Attempt] = backend().send(ListAttempts(flow_run_id=run.id))
    return attempts[-1] if attempts and attempts[-1].closed_at is None else None


def _outlook(holder: Attempt) -> str:
    """Say how the process comes to hear of it."""
    from legato._settings.current import current

    if current().api_url is not None:
        return "Once it has run for some seconds it is asked to end, and killed if it does not."
    return f"The run becomes Cancelled when its flow returns; `kill {holder.pid}` ends it at once."
