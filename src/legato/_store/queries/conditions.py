"""Filters as conditions: one function per kind of leaf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

import msgspec

from legato._model import filters as f
from legato._model.states import TERMINAL, StateType
from legato._model.text_search import parsed
from legato._store import sql
from legato._store.checks import UNHAPPY
from legato._store.dialect import micros
from legato._store.sql import Sql

Condition: TypeAlias = Sql
_UNHAPPY = TERMINAL - {StateType.COMPLETED}


def joined(operator: f.Operator, parts: Iterable[Condition | None]) -> Condition | None:
    """Join conditions as the filter says; None stands for "no condition"."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return sql.any_of(found) if operator is f.Operator.or_ else sql.all_of(found)


def listed(column: LiteralString, leaf: Any) -> Condition | None:
    """`any_`, `not_any_`, `is_null_`, and the range of an id, on a column."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if getattr(leaf, "any_", None) is not None:
        parts.append(sql.is_in(column, leaf.any_))
    if getattr(leaf, "not_any_", None) is not None:
        parts.append(sql.is_not_in(column, leaf.not_any_))
    if getattr(leaf, "is_null_", None) is not None:
        parts.append(sql.is_null(column, leaf.is_null_))
    if isinstance(leaf, f.IdFilter):
        parts += _range(column, leaf.ge_, leaf.le_)
    return joined(getattr(leaf, "operator", f.Operator.and_), parts)


def _range(column: LiteralString, low: Any, high: Any) -> list[Condition]:
    parts = [Sql(f"{column} >= ?", (low,))] if low is not None else []
    return [*parts, Sql(f"{column} <= ?", (high,))] if high is not None else parts


def named(column: LiteralString, leaf: f.NameFilter | None) -> Condition | None:
    """`any_` and `like_` on a name."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.any_ is not None:
        parts.append(sql.is_in(column, leaf.any_))
    if leaf.like_ is not None:
        parts.append(sql.has_part(column, leaf.like_))
    return joined(f.Operator.and_, parts)


def keyed(column: LiteralString, leaf: f.KeyFilter | None) -> Condition | None:
    """`any_`, `like_` and `exists_` on a key."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    if leaf.any_ is not None:
        parts.append(sql.is_in(column, leaf.any_))
    if leaf.like_ is not None:
        parts.append(sql.has_part(column, leaf.like_))
    if leaf.exists_ is not None:
        # not by IS NOT NULL, for which SQLite reads all that have a key, and sorts them
        missing = sql.is_null(column, null=True)
        parts.append(Sql(f"NOT ({missing.text})") if leaf.exists_ else missing)
    return joined(f.Operator.and_, parts)


def timed(column: LiteralString, leaf: f.TimeFilter | None) -> Condition | None:
    """`before_`, `after_` (inclusive) and `is_null_` on a time."""
    if leaf is None:
        return None
    low = None if leaf.after_ is None else micros(leaf.after_)
    high = None if leaf.before_ is None else micros(leaf.before_)
    parts: list[Condition | None] = [*_range(column, low, high)]
    if leaf.is_null_ is not None:
        parts.append(sql.is_null(column, leaf.is_null_))
    return joined(f.Operator.and_, parts)


def in_state(
    table: LiteralString, leaf: f.StateFilter | None, *, by_state: bool = True
) -> Condition | None:
    """Type and name of the current state; `by_state`: the index on ends is to be used."""
    if leaf is None:
        return None
    of_type = listed(f"{table}.state_type", leaf.type)
    wanted = leaf.type.any_ if leaf.type is not None else None
    if of_type is not None and wanted and (by_state or not ended_badly(wanted)):
        of_type = sql.all_of([of_type, *_served(table, wanted)])
    return joined(leaf.operator, [of_type, listed(f"{table}.state_name", leaf.name)])


def ended_badly(wanted: Sequence[StateType]) -> bool:
    """Tell whether these states are all in the index on ends that are rare."""
    return _UNHAPPY.issuperset(wanted)


def in_states(table: LiteralString, wanted: Sequence[StateType]) -> Condition:
    """The current state is of one of these types, found by an index on states."""
    return sql.all_of([sql.is_in(f"{table}.state_type", wanted), *_served(table, wanted)])


def _served(table: LiteralString, wanted: Sequence[StateType]) -> list[Condition]:
    """What is true of all runs in these states; said aloud, the index on such runs serves."""
    if TERMINAL.isdisjoint(wanted):
        due = [Sql(f"{table}.state_type = 'SCHEDULED'")]
        return live(table) + (due if wanted == [StateType.SCHEDULED] else [])
    if table == "flow_run" and ended_badly(wanted):
        return [Sql(f"flow_run.{UNHAPPY}")]
    return []


def live(table: LiteralString) -> list[Condition]:
    """Runs that have not ended.

    SQLite prefers their index to one on `ws` only if its first column is compared with something.
    """
    live = [sql.is_null(f"{table}.end_at", True)]
    if table == "task_run":
        live.append(Sql("task_run.writer_id >= ?", (UUID(int=0),)))
    return live


def tagged(run: LiteralString, leaf: f.TagsFilter | None) -> Condition | None:
    """`all_`, `any_` and `is_null_` (no tags at all) over a side table."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []
    tags: LiteralString = f"{run}_tag"

    def has(*conditions: Condition) -> Condition:
        found = sql.all_of([Sql(f"{tags}.run_id = {run}.id"), *conditions])
        return Sql(f"EXISTS (SELECT {tags}.tag FROM {tags} WHERE {found.text})", found.values)

    if leaf.all_ is not None:
        parts.append(sql.all_of([has(Sql(f"{tags}.tag = ?", (tag,))) for tag in leaf.all_]))
    if leaf.any_ is not None:
        parts.append(has(sql.is_in(f"{tags}.tag", leaf.any_)))
    if leaf.is_null_ is not None:
        parts.append(Sql("NOT").then(has()) if leaf.is_null_ else has())
    return joined(leaf.operator, parts)


def tagged_in(column: LiteralString, leaf: f.TagsFilter | None) -> Condition | None:
    """Tags that stand as JSON text in the row: of nouns of which there are few."""
    if leaf is None:
        return None
    parts: list[Condition | None] = []

    def has(tag: str) -> Condition:
        # not by LIKE, for which SQLite takes "a" and "A" for the same
        quoted = msgspec.json.encode(tag).decode()
        return Sql(f"replace({column}, ?, '') <> {column}", (quoted,))

    if leaf.all_ is not None:
        parts.append(sql.all_of([has(tag) for tag in leaf.all_]))
    if leaf.any_ is not None:
        parts.append(sql.any_of([has(tag) for tag in leaf.any_]))
    if leaf.is_null_ is not None:
        parts.append(sql.is_null(column, leaf.is_null_))
    return joined(leaf.operator, parts)


def level(column: LiteralString, leaf: f.LevelFilter | None) -> Condition | None:
    """`ge_` and `le_` on a level."""
    if leaf is None:
        return None
    return joined(f.Operator.and_, _range(column, leaf.ge_, leaf.le_))


def searched(column: LiteralString, leaf: f.SearchFilter | None) -> Condition | None:
    """The text has one of the words that are looked for, all that must be there, none other."""
    if leaf is None:
        return None
    search = parsed(leaf.query)
    parts: list[Condition | None] = [sql.has_part(column, word) for word in search.all_of]
    parts += [Sql("NOT").then(sql.has_part(column, word)) for word in search.none_of]
    if search.any_of:
        parts.append(sql.any_of([sql.has_part(column, word) for word in search.any_of]))
    return joined(f.Operator.and_, parts)
