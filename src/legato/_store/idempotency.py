"""Answers to requests by the keys that they were sent under."""

from __future__ import annotations

from datetime import datetime

from legato._store import encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql


def find(tx: Transaction, key: str, now: datetime) -> tuple[bytes, int, str] | None:
    """Return hash of the request, status and body; None: the key is new, or long past."""
    found = tx.select(
        Sql(
            "SELECT request_hash, status, body FROM idempotency"
            " WHERE ws = ? AND key = ? AND expires_at > ?",
            (DEFAULT_WORKSPACE, encode.text(key), micros(now)),
        )
    )
    if not found:
        return None
    request_hash, status, body = found[0]
    return bytes(request_hash), status, body or ""


def add(
    tx: Transaction,
    key: str,
    request_hash: bytes,
    said: tuple[int, str],
    now: datetime,
    until: datetime,
) -> bool:
    """Keep an answer, and drop those that are past; False: another transaction was faster."""
    status, body = said
    tx.execute(Sql("DELETE FROM idempotency WHERE expires_at <= ?", (micros(now),)))
    row = (DEFAULT_WORKSPACE, encode.text(key), request_hash, status, body, micros(until))
    kept = tx.execute(
        Sql(
            "INSERT INTO idempotency (ws, key, request_hash, status, body, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            row,
        )
    )
    return kept == 1
