"""Task runs whose whole life lies in one batch: Pending, Running, Completed, and nothing else.

Nearly all runs of tasks without waits are of this kind. What their rows have in common stands in
the text of the statements, so two thirds of the values need not be bound; and what happens in
between need not be kept as columns. Whatever is different in the least goes the general way, by
`task_runs.py` and `states.py`, to the same rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import attrgetter, index, itemgetter
from typing import Any
from uuid import UUID

from legato._model.records import Progress, TaskRunCreated, TaskRunMoved
from legato._model.results import ROW_LIMIT
from legato._model.states import StateType
from legato._model.task_runs import NOTHING_RARE, TaskRunCreate, TaskRunPolicy, rare
from legato._store import encode, tallies
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.states import History

EPOCH = 1
"""Of the attempt of all these runs, as the statements say."""
Life = list[Any]
"""The records of a run in their order, then the offsets of their positions."""

_looks = attrgetter("type", "name", "message", "state_details")
_PENDING = (StateType.PENDING, "Pending", None, None)
_RUNNING = (StateType.RUNNING, "Running", None, None)
_COMPLETED = (StateType.COMPLETED, "Completed", None, None)
_step = attrgetter("epoch", "version", "result_id", "result_body")
_BEGAN = (EPOCH, 2, None, None)
_stands = attrgetter("run_count", "start_time", "end_time", "total_run_time")


class Lives:
    """Such runs of a transaction. `of` finds the one that a record belongs to, by its identity."""

    def __init__(self, tx: Transaction, history: History) -> None:
        self.of: dict[int, Life] = {}
        self._tx, self._history = tx, history
        self._null, self._uid = tx.null, tx.uid
        self._begun: list[tuple[int, Any, Life]] = []
        self._owner: UUID | None = None
        self._owner_uid: Any = tx.null
        self._key = ""
        self._tags: list[str] = []
        self._inputs: Mapping[str, Any] = {}
        self._policy: TaskRunPolicy | None = None
        self._texts: tuple[Any, Any] = tx.null, tx.null
        self._policy_text: Any = tx.null

    def pick(self, lives: Mapping[int, Life], others: Collection[int]) -> None:
        """Look which lives are whole, by number of their run's id; not those of `others`."""
        self.of = of = {}
        for number, life in lives.items():
            if len(life) == 3 and _is_whole(*life) and number not in others:
                for record in life:
                    of[id(record)] = life

    def step(self, life: Life, writer_uid: Any) -> None:
        """Draw the place of the next record of a life, which `writer_uid` sent."""
        if len(life) == 3:
            self._begun.append((life[0].run.id.int, writer_uid, life))
        history = self._history
        life.append(history.count)
        history.count += 1

    def flush(self) -> None:
        """Write the rows of runs and tags; leave those of the states to the history."""
        if not self._begun:
            return
        rows: list[Any] = []
        tags: list[Any] = []
        times: list[int] = []
        self._begun.sort(key=itemgetter(0))
        for _, writer_uid, life in self._begun:
            uid = self._add(rows, times, life, writer_uid)
            for tag in dict.fromkeys(life[0].run.tags):
                tags += (DEFAULT_WORKSPACE, encode.text(tag), uid)
        self._tx.bulk("task_run.create_lived", rows)
        if tags:
            self._tx.bulk("task_run_tag.create", tags)
        tallies.forget(self._tx, "task_run", times)
        self._begun, self.of = [], {}

    def _add(self, rows: list[Any], times: list[int], life: Life, writer_uid: Any) -> Any:
        made, ran, done, first, second, third = life
        uid_of, run, ended = self._uid, made.run, done.state
        self._share(run)
        uid, ended_uid, result_id, body = (
            uid_of(run.id), uid_of(ended.id), done.result_id, done.result_body
        )  # fmt: skip
        result: Any = self._null
        if result_id is not None:
            result = uid if result_id is run.id else uid_of(result_id)
        made_at, ran_at = micros(run.state.timestamp), micros(ran.state.timestamp)
        end_at = micros(ended.timestamp)
        rows += (
            uid, self._owner_uid, writer_uid, encode.text(run.name), self._key,
            encode.text(run.dynamic_key), made_at, end_at, ended_uid, end_at, result, made_at,
            ran_at, end_at, round(done.progress.total_run_time * 1_000_000), ran_at, *self._texts,
            self._policy_text, index(run.flow_run_run_count),
            self._null if body is None else bytearray(body),
        )  # fmt: skip
        self._history.lives += (
            first, uid, uid_of(run.state.id), made_at, second, uid, uid_of(ran.state.id), ran_at,
            third, uid, ended_uid, end_at, result,
        )  # fmt: skip
        times += (made_at, ran_at)
        return uid

    def _share(self, run: TaskRunCreate) -> None:
        """See that what most runs of a batch have in common is that of this run."""
        if run.flow_run_id is not self._owner and run.flow_run_id is not None:
            self._owner, self._owner_uid = run.flow_run_id, self._uid(run.flow_run_id)
        if run.task_key is not self._key:
            self._key = encode.text(run.task_key)
        if run.task_inputs != self._inputs or run.tags != self._tags:
            self._inputs, self._tags, null = run.task_inputs, run.tags, self._null
            self._texts = (
                encode.bare(run.task_inputs) if run.task_inputs else null,
                encode.bare(run.tags) if run.tags else null,
            )
        policy = run.empirical_policy
        if policy is not self._policy:
            self._policy, none = policy, policy is None
            self._policy_text = self._null if none else encode.json(policy, "empirical_policy")


def _is_whole(made: Any, ran: Any, done: Any) -> bool:
    """Tell whether a run's three records say nothing but that it ran and completed."""
    if (
        type(made) is not TaskRunCreated
        or type(ran) is not TaskRunMoved
        or type(done) is not TaskRunMoved
        or (made.epoch, done.epoch, done.version) != (EPOCH, EPOCH, 3)
        or _step(ran) != _BEGAN
    ):
        return False
    run, body, began = made.run, done.result_body, ran.state.timestamp
    after: Progress = done.progress
    return (
        _looks(run.state) == _PENDING
        and _looks(ran.state) == _RUNNING
        and _looks(done.state) == _COMPLETED
        and _stands(ran.progress) == (1, began, None, 0)
        and after.run_count == 1
        and after.start_time == began
        and after.end_time == done.state.timestamp
        and (body is None or len(body) <= ROW_LIMIT)
        and run.flow_run_id is not None
        and (ran.flow_run_id is run.flow_run_id or ran.flow_run_id == run.flow_run_id)
        and (done.flow_run_id is run.flow_run_id or done.flow_run_id == run.flow_run_id)
        and rare(run) == NOTHING_RARE
    )
