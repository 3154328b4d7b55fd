"""What earlier attempts of a flow run have left: the attempts, and their steps."""

from __future__ import annotations

from uuid import UUID

from msgspec import json

from legato._model.attempts import Attempt, Step
from legato._store import decode
from legato._store.port import Transaction
from legato._store.standing import at, when


def list_attempts(tx: Transaction, flow_run_id: UUID) -> list[Attempt]:
    """Return the attempts of a flow run, oldest first."""
    rows = tx.rows("attempt.list_of_flow_run", {"flow_run_id": flow_run_id})
    return [_attempt(row) for row in rows]


def list_steps(tx: Transaction, flow_run_id: UUID) -> list[Step]:
    """Return the task runs of a flow run; their ids sort as they were called."""
    rows = tx.rows("task_run.list_steps", {"flow_run_id": flow_run_id})
    return [_step(row) for row in rows]


def _attempt(row: decode.Row) -> Attempt:
    run_id, number, writer_id, host, pid, code_version, opened, closed, cause, files = row
    return Attempt(
        flow_run_id=decode.uid(run_id),
        number=number,
        writer_id=decode.uid(writer_id),
        host=host,
        pid=pid,
        code_version=code_version,
        opened_at=at(opened),
        closed_at=when(closed),
        cause=cause,
        code_files=None if files is None else json.decode(files, type=dict[str, str]),
    )


def _step(row: decode.Row) -> Step:
    run_id, name, key, version, *entered, result_id, flow_run_id, body, child, arguments = row[:15]
    created_at, tries, inputs, labels = row[15:]
    standing = (None, None, *entered, result_id)
    owner, run = decode.uid(flow_run_id), decode.uid(run_id)
    return Step(
        task_run_id=run,
        name=name,
        step_key=key,
        version=version,
        state=decode.entered(standing, owner, run),
        result_id=decode.maybe_uid(result_id),
        result_body=None if body is None else bytes(body),
        child_flow_run_id=decode.maybe_uid(child),
        arguments=arguments,
        flow_run_id=owner,
        created_at=at(created_at),
        tries=tries,
        inputs=decode.input_ids(inputs),
        labels=decode.labels(labels),
    )
