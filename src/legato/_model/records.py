"""What a process writes to its journal: facts and proposals, and the answers to them.

A *fact* happened; no rule refuses it. A *proposal* waits for `accept | reject | wait | abort`.
Every record names its run and, but for log lines, the epoch under which the run is owned.

The frequent ones are kept out of the garbage collector (`gc=False`): they refer to no cycle, and
many of them live at once.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from legato._model.artifacts import ArtifactCreate, ArtifactUpdate
from legato._model.cache_lookups import CacheLookup
from legato._model.environments import Environment
from legato._model.events import EventCreate
from legato._model.flow_runs import FlowRunCreate
from legato._model.logs import LogCreate
from legato._model.results import Result
from legato._model.states import State
from legato._model.task_runs import TaskRunCreate


class Progress(Struct, frozen=True, gc=False):
    """Where a run stands after a transition; absolute, so that repeating it changes nothing."""

    run_count: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class TaskRunCreated(Struct, tag="task_run_created", gc=False):
    """Fact: a task run exists, in its first state (version 1)."""

    epoch: int
    run: TaskRunCreate


class TaskRunMoved(Struct, tag="task_run_moved", gc=False):
    """Fact: a task run entered `state`; `version` is 2, 3, ... without a hole."""

    epoch: int
    flow_run_id: UUID | None
    task_run_id: UUID
    version: int
    state: State
    progress: Progress
    result_id: UUID | None = None
    result_body: bytes | None = None
    """A plain result of at most 1 KiB as JSON; `result_id` is the task run's own id then."""


class TaskRunNamed(Struct, tag="task_run_named", gc=False):
    """Fact: a task run, created under another name, is called `name`; no transition."""

    epoch: int
    flow_run_id: UUID | None
    task_run_id: UUID
    name: str


class Logged(Struct, tag="logged", gc=False):
    """Fact: a run logged a line."""

    log: LogCreate


class ResultKept(Struct, tag="result_kept"):
    """Fact: a result was serialised; it precedes the transition that names it."""

    epoch: int
    result: Result


class ResultCached(Struct, tag="result_cached"):
    """Fact: a stored result stands for calls with that cache key, until `expires_at`."""

    cache_key: str
    result_id: UUID
    created_at: datetime
    expires_at: datetime | None = None


class CacheLookedUp(Struct, tag="cache_looked_up"):
    """Fact: a task run looked for a cached result; `again`: not for the first time."""

    epoch: int
    flow_run_id: UUID | None
    lookup: CacheLookup
    again: bool = False


class ArtifactMade(Struct, tag="artifact_made"):
    """Fact: a run made an artifact; it has an id and a time."""

    artifact: ArtifactCreate


class ArtifactChanged(Struct, tag="artifact_changed"):
    """Fact: a run changed an artifact, such as its progress."""

    artifact_id: UUID
    at: datetime
    artifact: ArtifactUpdate


class EventEmitted(Struct, tag="event_emitted"):
    """Fact: somebody told of something that happened."""

    event: EventCreate


class Skipped(Struct, tag="skipped", frozen=True):
    """Nothing: stands under the number of a record that was lost on its way."""


class Unreadable(Struct, tag="unreadable", frozen=True):
    """Stands under the number of a record that its receiver cannot read."""

    body: bytes
    problem: str


class FlowRunProposed(Struct, tag="flow_run_proposed"):
    """Proposal: create a flow run (version 1, attempt 1 held by this writer).

    A subflow's run brings the task run that stands for it in its parent, made in the same
    transaction; later states of the run are mirrored there.
    """

    flow_name: str
    run: FlowRunCreate
    code_version: str | None = None
    code_files: dict[str, str] | None = None
    environment: Environment | None = None
    """That of the writer, with its first flow run."""
    parent: TaskRunCreate | None = None
    parent_epoch: int = 0
    flow_tags: list[str] = []


class FlowRunMoveProposed(Struct, tag="flow_run_move_proposed"):
    """Proposal: a flow run enters `state`."""

    epoch: int
    flow_run_id: UUID
    state: State
    result_id: UUID | None = None


Record = (
    TaskRunCreated
    | TaskRunMoved
    | TaskRunNamed
    | Logged
    | ResultKept
    | ResultCached
    | CacheLookedUp
    | ArtifactMade
    | EventEmitted
    | ArtifactChanged
    | Skipped
    | Unreadable
    | FlowRunProposed
    | FlowRunMoveProposed
)
PROPOSALS = (FlowRunProposed, FlowRunMoveProposed)


class Batch(Struct):
    """Records of one writer, numbered from `first_seq` on without a hole.

    `acked`: the answer is given only after a full commit.
    """

    writer_id: UUID
    first_seq: int
    records: list[Record]
    acked: bool = False
    was_ahead: bool = False
    """Whether some of it may stand in the database already, kept as `Ahead`."""


class Ahead(Struct, frozen=True):
    """Records that are to be safe before they are sent in a batch, packed together.

    They are kept only while attempt `epoch` of the flow run is this writer's.
    """

    writer_id: UUID
    first_seq: int
    last_seq: int
    body: bytes
    flow_run_id: UUID
    epoch: int


class Accepted(Struct, tag="accept"):
    """The proposal stands; `state` is what was stored, `version` its number in the run."""

    state: State
    version: int
    flow_id: UUID | None = None


class Rejected(Struct, tag="reject"):
    """Another state was stored (`state`), or the run keeps the one it has (None)."""

    state: State | None
    reason: str


class Wait(Struct, tag="wait"):
    """Propose again after `seconds`."""

    seconds: float
    reason: str


class Aborted(Struct, tag="abort"):
    """Stop: the run may not enter this state."""

    reason: str


Answer = Accepted | Rejected | Wait | Aborted


class Fenced(Struct):
    """The writer no longer owns this run; its later records change no state."""

    flow_run_id: UUID
    reason: str


class BatchAnswer(Struct):
    """`answers` maps the index of each proposal within the batch to its answer."""

    last_seq: int
    answers: dict[int, Answer] = {}
    fenced: list[Fenced] = []
    quarantined: int = 0


class Writer(Struct, kw_only=True):
    """A process that writes: who it is, so that others can tell whether it lives.

    `pid_start` is the kernel's start time of the process and `pid_namespace` its pid namespace;
    pid numbers come back, the three together do not. `lease_seconds` is set where a lease says
    that the process lives, because who reads this cannot see it: one that writes to a server.
    """

    id: UUID
    host: str
    pid: int
    pid_start: int | None
    pid_namespace: str | None
    opened_at: datetime
    lease_seconds: float | None = None
