"""Filters as conditions of SQLAlchemy Core: one function per kind of leaf."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, literal_column, or_, select, text, true

from legato._model import filters as f
from legato._model.states import TERMINAL, StateType
from legato._store import schema
from legato._store.dialect import micros
from legato._store.schema_parts import UNHAPPY

Condition = ColumnElement[bool]
_UNHAPPY = TERMINAL - {StateType.COMPLETED}


def joined(operator: f.Operator, parts: Iterable[Condition | None]) -> Condition | None:
    """Join conditions as the filter says; None stands for "no condition"."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return or_(*found) if operator is f.Operator.or_ else and_(*found)


def listed(column: Any, leaf: Any) -> Condition | None:
    """`any_`, `not_any_`, `is_null_`, and the range of an id, on a column."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.any_ is not None:
        parts.append(column.in_([getattr(v, "value", v) for v in leaf.any_]))
    if getattr(leaf, "not_any_", None) is not None:
        parts.append(column.not_in([getattr(v, "value", v) for v in leaf.not_any_]))
    if getattr(leaf, "is_null_", None) is not None:
        parts.append(column.is_(None) if leaf.is_null_ else column.is_not(None))
    if isinstance(leaf, f.IdFilter):
        parts += [column >= leaf.ge_] if leaf.ge_ is not None else []
        parts += [column <= leaf.le_] if leaf.le_ is not None else []
    return joined(f.Operator.and_, parts)


def named(column: Any, leaf: f.NameFilter | None) -> Condition | None:
    """`any_` and `like_` on a name."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.any_ is not None:
        parts.append(column.in_(leaf.any_))
    if leaf.like_ is not None:
        parts.append(func.lower(column).contains(leaf.like_.lower(), autoescape=True))
    return joined(f.Operator.and_, parts)


def keyed(column: Any, leaf: f.KeyFilter | None) -> Condition | None:
    """`any_`, `like_` and `exists_` on a key."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.any_ is not None:
        parts.append(column.in_(leaf.any_))
    if leaf.like_ is not None:
        parts.append(column.contains(leaf.like_, autoescape=True))
    if leaf.exists_ is not None:
        parts.append(column.is_not(None) if leaf.exists_ else column.is_(None))
    return joined(f.Operator.and_, parts)


def timed(column: Any, leaf: f.TimeFilter | None) -> Condition | None:
    """`before_`, `after_` (inclusive) and `is_null_` on a time."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.before_ is not None:
        parts.append(column <= micros(leaf.before_))
    if leaf.after_ is not None:
        parts.append(column >= micros(leaf.after_))
    if leaf.is_null_ is not None:
        parts.append(column.is_(None) if leaf.is_null_ else column.is_not(None))
    return joined(f.Operator.and_, parts)


def in_state(table: Any, leaf: f.StateFilter | None) -> Condition | None:
    """Type and name of the current state."""
    if leaf is None:
        return None
    of_type = listed(table.c.state_type, leaf.type)
    wanted = leaf.type.any_ if leaf.type is not None else None
    if of_type is not None and wanted:
        of_type = and_(of_type, *_served(table, wanted))
    return joined(leaf.operator, [of_type, listed(table.c.state_name, leaf.name)])


def _served(table: Any, wanted: Iterable[StateType]) -> list[Condition]:
    """What is true of all runs in these states; said aloud, the index on such runs serves."""
    if TERMINAL.isdisjoint(wanted):
        scheduled = wanted == [StateType.SCHEDULED]
        kind: Condition = table.c.state_type == literal_column("'SCHEDULED'")
        return [*_live(table), kind] if scheduled else _live(table)
    if table is schema.flow_run and _UNHAPPY.issuperset(wanted):
        return [cast("Condition", text(f"flow_run.{UNHAPPY}"))]
    return []


def _live(table: Any) -> list[Condition]:
    """Runs that have not ended.

    SQLite prefers their index to one on `ws` only if its first column is compared with something.
    """
    live: list[Condition] = [table.c.end_at.is_(None)]
    if table is schema.task_run:
        live.append(table.c.writer_id >= UUID(int=0))
    return live


def tagged(run: Any, tags: Any, leaf: f.TagsFilter | None) -> Condition | None:
    """`all_`, `any_` and `is_null_` (no tags at all) over a side table."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []

    def has(condition: Condition) -> Condition:
        return exists(select(tags.c.tag).where(tags.c.run_id == run.c.id, condition))

    if leaf.all_ is not None:
        parts.append(and_(true(), *(has(tags.c.tag == tag) for tag in leaf.all_)))
    if leaf.any_ is not None:
        parts.append(has(tags.c.tag.in_(leaf.any_)))
    if leaf.is_null_ is not None:
        some = has(true())
        parts.append(~some if leaf.is_null_ else some)
    return joined(f.Operator.and_, parts)


def flow_tagged(leaf: f.TagsFilter | None) -> Condition | None:
    """Tags of a flow."""
    return tagged_in(schema.flow.c.tags, leaf)


def tagged_in(column: Any, leaf: f.TagsFilter | None) -> Condition | None:
    """Tags that stand as JSON text in the row: of nouns of which there are few."""
    if leaf is None:
        return None
    parts = list[Condition | None]()

    def has(tag: str) -> Condition:
        found: Condition = column.contains(msgspec.json.encode(tag).decode(), autoescape=True)
        return found

    if leaf.all_ is not None:
        parts.append(and_(true(), *(has(tag) for tag in leaf.all_)))
    if leaf.any_ is not None:
        parts.append(or_(*(has(tag) for tag in leaf.any_)))
    if leaf.is_null_ is not None:
        empty = column.is_(None)
        parts.append(empty if leaf.is_null_ else ~empty)
    return joined(f.Operator.and_, parts)


def level(column: Any, leaf: f.LevelFilter | None) -> Condition | None:
    """`ge_` and `le_` on a level."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.ge_ is not None:
        parts.append(column >= leaf.ge_)
    if leaf.le_ is not None:
        parts.append(column <= leaf.le_)
    return joined(f.Operator.and_, parts)
