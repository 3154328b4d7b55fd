"""Variables: their rows, by id and by name."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from legato._model.variables import Variable
from legato._store import decode, encode
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at

_strings = msgspec.json.Decoder(list[str])


def of_row(row: Row) -> Variable:
    """Return the variable of a row of `VARIABLE`."""
    id_, created, updated, name, value, tags = row
    return Variable(
        id=decode.uid(id_),
        created=at(created),
        updated=at(updated),
        name=name,
        value=msgspec.json.decode(value),
        tags=[] if tags is None else _strings.decode(tags),
    )


def find(tx: Transaction, variable_id: UUID) -> Variable | None:
    """Return the variable of that id."""
    rows = tx.rows("variable.read", {"ws": DEFAULT_WORKSPACE, "id": variable_id})
    return of_row(rows[0]) if rows else None


def find_by_name(tx: Transaction, name: str) -> Variable | None:
    """Return the variable of that name."""
    rows = tx.rows("variable.find", {"ws": DEFAULT_WORKSPACE, "name": encode.text(name)})
    return of_row(rows[0]) if rows else None


def create(tx: Transaction, now: datetime, variable: Variable, encoded: str) -> bool:
    """Add a variable with its value as JSON; False if there is one of that name."""
    row = (
        tx.uid(variable.id), micros(now), micros(now), encode.text(variable.name), encoded,
        encode.bare(variable.tags) if variable.tags else tx.null, DEFAULT_WORKSPACE,
    )  # fmt: skip
    return tx.run_many("variable.create", [row]) == 1


def change(tx: Transaction, now: datetime, variable: Variable, encoded: str) -> None:
    """Write all of a variable that may change, its value as JSON."""
    tx.run(
        "variable.change",
        {
            "variable_id": variable.id,
            "name": encode.text(variable.name),
            "value": encoded,
            "tags": encode.bare(variable.tags) if variable.tags else None,
            "now": now,
        },
    )


def delete(tx: Transaction, variable_id: UUID) -> None:
    """Delete a variable."""
    tx.run("variable.delete", {"id": variable_id})
