"""Columns that many tables have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)
log_position = Sequence("log_position", metadata=metadata, start=1, cache=1)

Uid = LargeBinary(16).with_variant(postgresql.UUID(), "postgresql")
Micros = BigInteger
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}


def id_(name: str = "id") -> Column[Any]:
    return Column(name, Uid, primary_key=True)


def ref(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Uid, nullable=not required)


def ws() -> Column[Any]:
    return Column("ws", Integer, nullable=False)


def text_(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=not required)


def at(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Micros, nullable=not required)


def number(name: str, default: str | None = None) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=default)


def texts(*names: str) -> list[Column[Any]]:
    return [text_(name) for name in names]


def standing() -> list[Column[Any]]:
    """Where a run stands: its last transition and what follows from all of them."""
    return [
        number("version"),
        number("epoch"),
        ref("state_id"),
        text_("state_type"),
        *texts("state_name", "state_message", "state_details"),
        at("state_at"),
        ref("result_id"),
        number("run_count", "0"),
        at("expected_at"),
        at("next_scheduled_at"),
        at("start_at"),
        at("end_at"),
        Column("total_run_us", Micros, nullable=False, server_default="0"),
        at("sort_at", required=True),
    ]


def history(run: str) -> list[Column[Any]]:
    """One transition. `version` is NULL for what a closed attempt still reported."""
    return [
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        ws(),
        ref(run, required=True),
        Column("version", Integer),
        number("epoch"),
        Column("opens", SmallInteger, nullable=False, server_default="0"),
        ref("state_id", required=True),
        Column("from_type", Text, nullable=False, server_default=""),
        text_("type", required=True),
        text_("name", required=True),
        *texts("message", "details"),
        at("at", required=True),
        ref("result_id"),
    ]


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
