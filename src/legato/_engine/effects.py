"""What the engine asks of its driver.

The generators of `flow_run.py` and `task_run.py` yield these values; a driver performs one and
sends the reply. User code (the function itself, hooks, conditions) and everything that touches
the world (time, ids, the journal) is an effect.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from legato._model.states import State, StateType

HookKind = Literal["on_running", "on_completion", "on_failure", "on_cancellation", "on_crashed"]
Cause = Literal["error", "timeout", "cancelled", "interrupt", "termination", "exit", "abort"]


class Draft(Struct, kw_only=True):
    """A state to be: the driver stamps id and time. `delay` seconds make a scheduled time."""

    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    delay: float | None = None
    pause_key: str | None = None
    transacted: bool = False
    """Whether the run, now that it has entered the state, is to be staged in a transaction."""


class Found(Struct):
    """The run was finished by an earlier attempt; its end stands, or is rolled back at once."""

    state: State
    draft: Draft
    stands: bool = True


class Create(Struct, frozen=True):
    """Record the run in its first state. Reply: `Found`, or whether arguments stand for runs."""


class Resolve(Struct, frozen=True):
    """Wait for the runs that arguments stand for, and put their values in the place.

    Reply: None, or the `Draft` of a run that cannot start.
    """


class Prepare(Struct, frozen=True):
    """Validate the parameters and make the run's name. Reply: None, or a `Raised`."""


class Enter(Struct):
    """Record a transition that has happened (a fact). Reply: the stamped State."""

    draft: Draft


class Propose(Struct):
    """Ask whether the run may enter a state. Reply: `Moved`, `Held` or `Stopped`."""

    draft: Draft


class Call(Struct, frozen=True):
    """Call the user's function. Reply: `Returned` or `Raised`."""


class Lookup(Struct, frozen=True):
    """Look for a cached result. Reply: None, `Returned` with it, or `Raised` by a bad input."""


class Settle(Struct):
    """Wait for what the function has submitted. Reply: its outcome, or a `Raised` instead."""

    outcome: Outcome


class Sleep(Struct, frozen=True):
    """Wait. Reply: None, or a `Raised` when the wait was cut short."""

    seconds: float


class Acquire(Struct, frozen=True):
    """Wait for slots of the limits on the run's tags. Reply: None, or a `Raised`."""


class Release(Struct, frozen=True):
    """Let go of the slots. Reply: None."""


class Stage(Struct):
    """Leave what the run did to the transaction around it, or commit it. Reply: None."""

    draft: Draft


class RollBack(Struct):
    """Roll back what was staged inside of the run, and what is around unless it is `retried`.

    Reply: None.
    """

    retried: bool


class RunHooks(Struct):
    """Call the user's hooks of a kind, one after the other. Reply: None."""

    kind: HookKind
    state: State


class AskRetry(Struct):
    """Ask the user's condition whether to try again. Reply: bool."""

    draft: Draft


class DrawRandom(Struct, frozen=True):
    """Draw a random number. Reply: a float in [0, 1)."""


class Say(Struct):
    """Log a line under the run. Reply: None."""

    level: int
    message: str


class Returned(Struct):
    """The user's function returned."""

    value: Any


class Raised(Struct):
    """The user's function raised; `cause` says what kind of end that is."""

    exception: BaseException
    cause: Cause


class Moved(Struct):
    """The proposal was accepted as this state, or another state was stored instead."""

    state: State


class Held(Struct):
    """Propose again after `seconds`."""

    seconds: float


class Stopped(Struct):
    """The run may not go on."""

    reason: str


Outcome = Returned | Raised
Effect = (
    Create
    | Resolve
    | Prepare
    | Enter
    | Propose
    | Call
    | Lookup
    | Settle
    | Sleep
    | Acquire
    | Release
    | Stage
    | RollBack
    | RunHooks
    | AskRetry
    | DrawRandom
    | Say
)

CREATE: Final = Create()
RESOLVE: Final = Resolve()
PREPARE: Final = Prepare()
CALL: Final = Call()
LOOKUP: Final = Lookup()
DRAW: Final = DrawRandom()
ACQUIRE: Final = Acquire()
RELEASE: Final = Release()
