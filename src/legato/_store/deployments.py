"""Deployments: their rows, by id and by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from msgspec import structs

from legato._model.deployments import Deployment, DeploymentDetails
from legato._model.work_queues import standing
from legato._store import decode, encode, object_columns, sql
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql
from legato._store.standing import at, when

_details = msgspec.json.Decoder(DeploymentDetails)
_strings = msgspec.json.Decoder(list[str])
_FIELDS = DeploymentDetails.__struct_fields__
PICKED: LiteralString = (
    f"SELECT {sql.listed('deployment', object_columns.DEPLOYMENT)}, queue.name, pool.name, "
    "deployment.last_polled_at, queue.last_polled_at "
    "FROM deployment LEFT JOIN work_queue AS queue ON queue.id = deployment.work_queue_id "
    "LEFT JOIN work_pool AS pool ON pool.id = queue.work_pool_id"
)


def of_row(row: Row, now: datetime) -> Deployment:
    """Return the deployment of a row of `PICKED` as it is at a time."""
    id_, created, updated, flow_id, name, paused, tags, details, *place = row
    queue_id, called, queue, pool, own_poll, queue_poll = place
    polled = when(max(own_poll or 0, queue_poll or 0) or None)
    return Deployment(
        id=decode.uid(id_),
        created=at(created),
        updated=at(updated),
        flow_id=decode.uid(flow_id),
        name=name,
        paused=bool(paused),
        tags=[] if tags is None else _strings.decode(tags),
        work_queue_id=decode.maybe_uid(queue_id),
        work_queue_name=called if queue is None else queue,
        work_pool_name=pool,
        last_polled=polled,
        status=standing(polled, now),
        **structs.asdict(_details.decode(details)),
    )


def _encoded(given: Deployment) -> tuple[str | None, str]:
    """Return tags and details as the columns have them."""
    details = {name: getattr(given, name) for name in _FIELDS}
    tags = encode.bare(given.tags) if given.tags else None
    return tags, encode.json(details, "deployment")


def _one(tx: Transaction, now: datetime, condition: Sql) -> Deployment | None:
    here = Sql("deployment.ws = ?", (DEFAULT_WORKSPACE,))
    rows = tx.select(Sql(f"{PICKED} WHERE").then(sql.all_of([here, condition])))
    return of_row(rows[0], now) if rows else None


def find(tx: Transaction, now: datetime, deployment_id: UUID) -> Deployment | None:
    """Return the deployment of that id."""
    return _one(tx, now, Sql("deployment.id = ?", (deployment_id,)))


def find_by_name(tx: Transaction, now: datetime, flow_id: UUID, name: str) -> Deployment | None:
    """Return the deployment of that name of a flow."""
    named = Sql("deployment.name = ?", (encode.text(name),))
    return _one(tx, now, sql.all_of([Sql("deployment.flow_id = ?", (flow_id,)), named]))


def list_of_flow(tx: Transaction, now: datetime, flow_id: UUID) -> list[Deployment]:
    """Return the deployments of a flow."""
    rows = tx.select(Sql(f"{PICKED} WHERE deployment.flow_id = ?", (flow_id,)))
    return [of_row(row, now) for row in rows]


def count_of_flows(tx: Transaction, flow_ids: list[UUID]) -> dict[str, int]:
    """Return how many deployments each of the flows has."""
    found, values = sql.is_in("deployment.flow_id", flow_ids)
    head: LiteralString = f"SELECT flow_id, count(*) FROM deployment WHERE {found}"
    counts = {decode.uid(id_): n for id_, n in tx.select(Sql(f"{head} GROUP BY flow_id", values))}
    return {str(flow_id): counts.get(flow_id, 0) for flow_id in flow_ids}


def list_scheduled_runs(tx: Transaction, deployment_id: UUID) -> list[UUID]:
    """Return the runs of a deployment that stand in SCHEDULED."""
    head = Sql("SELECT id FROM flow_run WHERE ws = ?", (DEFAULT_WORKSPACE,))
    picked = Sql("AND deployment_id = ? AND state_type = 'SCHEDULED'", (deployment_id,))
    return [decode.uid(row[0]) for row in tx.select(head.then(picked))]


def note_poll(
    tx: Transaction, now: datetime, deployment_ids: Sequence[UUID], before: datetime
) -> None:
    """Write that deployments were asked for their runs, if that was last written before a time."""
    those = sql.is_in("id", deployment_ids)
    stale = Sql("(last_polled_at IS NULL OR last_polled_at < ?)", (before,))
    rows = tx.select(Sql("SELECT id FROM deployment WHERE").then(sql.all_of([those, stale])))
    for known in sorted(decode.uid(row[0]) for row in rows):  # so locked in one order everywhere
        tx.execute(Sql("UPDATE deployment SET last_polled_at = ? WHERE id = ?", (now, known)))


def lock(tx: Transaction, deployment_id: UUID) -> None:
    """Let nobody else lock the deployment until the end."""
    tx.execute(Sql("UPDATE deployment SET name = name WHERE id = ?", (deployment_id,)))


def create(tx: Transaction, made: Deployment) -> bool:
    """Add a deployment; False if there is one of that name of the flow."""
    tags, details = _encoded(made)
    row = (
        tx.uid(made.id), micros(made.created), micros(made.updated), tx.uid(made.flow_id),
        encode.text(made.name), int(made.paused), tx.null if tags is None else tags, details,
        tx.null if made.work_queue_id is None else tx.uid(made.work_queue_id),
        tx.null if made.work_queue_name is None else encode.text(made.work_queue_name),
        DEFAULT_WORKSPACE,
    )  # fmt: skip
    return tx.run_many("deployment.create", [row]) == 1


def change(tx: Transaction, now: datetime, changed: Deployment) -> None:
    """Write all of a deployment that may change."""
    tags, details = _encoded(changed)
    queue = None if changed.work_queue_name is None else encode.text(changed.work_queue_name)
    values = (now, changed.paused, tags, details, changed.work_queue_id, queue, changed.id)
    head: LiteralString = "UPDATE deployment SET updated_at = ?, paused = ?, tags = ?, details = ?"
    tx.execute(Sql(f"{head}, work_queue_id = ?, work_queue_name = ? WHERE id = ?", values))


def delete(tx: Transaction, deployment_id: UUID) -> None:
    """Delete a deployment."""
    tx.execute(Sql("DELETE FROM deployment WHERE id = ?", (deployment_id,)))
