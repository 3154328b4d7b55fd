"""Event filters as conditions on the three tables that events lie in, or are made of.

An event that somebody told of has its resources in `event_resource`. For one of a transition they
are columns of the run, so a condition on a resource becomes one on those. Labels are in
`event_labels.py`; words are looked for in the events themselves, by `event_filters.includes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import LiteralString, NamedTuple, overload
from uuid import UUID

from legato._model.event_filters import (
    EventAnyResourceFilter,
    EventFilter,
    EventNameFilter,
    EventRelatedFilter,
    EventResourceFilter,
    Labels,
    any_resource_filters,
    related_filters,
)
from legato._model.event_labels import exact
from legato._model.events import RESOURCE_ID, RESOURCE_NAME, ROLE
from legato._store import sql
from legato._store.checks import COMMON_NAMES
from legato._store.port import DEFAULT_WORKSPACE
from legato._store.sql import NEVER, Sql

_HERE = Sql("event_resource.ws = ?", (DEFAULT_WORKSPACE,))
_UUID = str(UUID(int=0))


Few = Callable[[Sql], bool]
"""Tells whether a query gives few rows."""
_A_DAY = 86_400_000_000
_LAST = "\U0010ffff"


class Wanted(NamedTuple):
    """Which resources: None says that it does not matter."""

    ids: Sequence[str] | None = None
    prefixes: Sequence[str] | None = None
    roles: Sequence[str] | None = None
    pairs: Sequence[tuple[str, str]] | None = None
    names: Sequence[str] | None = None
    """Only of flows, which are found by their names."""

    @property
    def narrow(self) -> bool:
        """Whether some are asked for by their ids."""
        return self.ids is not None or self.prefixes is not None or self.pairs is not None

    def of_kind(self, kind: str, role: str) -> Wanted | None:
        """Return what is wanted of the resources `kind` + ID in that role; None: none of them."""
        if self.roles is not None and role not in self.roles:
            return None
        ids = self.ids
        if self.pairs is not None:
            paired = [id_ for id_, in_role in self.pairs if in_role == role]
            ids = paired if ids is None else [id_ for id_ in ids if id_ in paired]
        prefixes = self.prefixes
        if prefixes is not None and _covers(kind, prefixes):
            prefixes = None
        ids, prefixes = _rests(ids, kind), _rests(prefixes, kind)
        return None if ids == [] or prefixes == [] else Wanted(ids, prefixes, names=self.names)


def all_wanted(given: EventFilter) -> tuple[Wanted | None, list[Wanted], list[Wanted]]:
    """Return what is wanted of the resource, of related ones, and of any."""
    own = given.resource
    return (
        None if own is None else Wanted(_ids(own), own.id_prefix or None),
        [_related(one) for one in related_filters(given)],
        [Wanted(_ids(one), one.id_prefix or None) for one in any_resource_filters(given)],
    )


def _related(given: EventRelatedFilter) -> Wanted:
    roles = _either(given.role, given.labels, ROLE)
    names = _either(None, given.labels, RESOURCE_NAME) if roles == ["flow"] else None
    return Wanted(_ids(given), roles=roles, pairs=given.resources_in_roles or None, names=names)


def _ids(
    given: EventResourceFilter | EventRelatedFilter | EventAnyResourceFilter,
) -> list[str] | None:
    return _either(given.id, given.labels, RESOURCE_ID)


def _either(wanted: list[str] | None, labels: Labels | None, label: str) -> list[str] | None:
    """Return what is wanted of a label, which may be said in two places; None: anything."""
    said = (labels or {}).get(label)
    plain = None if said is None else exact(said)
    if plain is None:
        return wanted or None
    return [one for one in wanted if one in plain] if wanted else plain


def named(column: LiteralString, given: EventNameFilter | None, kind: str = "") -> list[Sql]:
    """Conditions on names that are `kind` + the column's text."""
    if given is None:
        return []
    found: list[Sql] = []
    if given.name:
        found.append(sql.is_in(column, _rests(given.name, kind)))
    if given.exclude_name:
        found.append(sql.is_not_in(column, _rests(given.exclude_name, kind)))
    if given.prefix and not _covers(kind, given.prefix):
        found.append(_starts(column, _rests(given.prefix, kind)))
    if given.exclude_prefix and _covers(kind, given.exclude_prefix):
        return [NEVER]
    rests = _rests(given.exclude_prefix, kind)
    if rests:
        found.append(Sql("NOT").then(_starts(column, rests)))
    return found


def _covers(kind: str, prefixes: Iterable[str]) -> bool:
    """Tell whether one of the prefixes says nothing beyond the kind, or less."""
    return any(kind.startswith(prefix) for prefix in prefixes)


@overload
def _rests(texts: Iterable[str], kind: str) -> list[str]: ...
@overload
def _rests(texts: Iterable[str] | None, kind: str) -> list[str] | None: ...
def _rests(texts: Iterable[str] | None, kind: str) -> list[str] | None:
    """Return what follows the kind in those texts that begin with it."""
    if texts is None:
        return None
    return [text.removeprefix(kind) for text in texts if text.startswith(kind)]


def _starts(column: LiteralString, prefixes: Sequence[str]) -> Sql:
    # not by LIKE, for which SQLite takes "a" and "A" for the same
    found = [
        Sql(f"substr({column}, 1, CAST(? AS INTEGER)) = ?", (len(text), text)) for text in prefixes
    ]
    return sql.any_of(found)


def uncommon(table: LiteralString, given: EventNameFilter | None, kind: str) -> list[Sql]:
    """What is true of states of these names; said aloud, the index on uncommon ones serves."""
    names = _rests(given.name, kind) if given is not None and given.name else []
    if not names or any(name in COMMON_NAMES for name in names):
        return []
    return [Sql(f"{table}.name <> '{name}'") for name in COMMON_NAMES]


def about_when(column: LiteralString, ids: Sequence[UUID]) -> list[Sql]:
    """Around when something got its id: those of version 7 have the time in them."""
    if any(id_.version != 7 for id_ in ids):
        return []
    times = [(id_.int >> 80) * 1000 for id_ in ids]
    return [Sql(f"{column} BETWEEN ? AND ?", (min(times) - _A_DAY, max(times) + _A_DAY))]


def told(given: EventFilter, few: Few) -> list[Sql]:
    """Conditions on rows of `event`."""
    own, related, either = all_wanted(given)
    found = named("event.event", given.event)
    if given.event is not None and given.event.prefix:
        those = sql.all_of(
            [
                Sql("begun.ws = ?", (DEFAULT_WORKSPACE,)),
                begins("begun.event", given.event.prefix),
            ]
        )
        begun = Sql("SELECT begun.position FROM event AS begun WHERE").then(those)
        if few(begun):
            found.append(Sql(f"event.position IN ({begun.text})", begun.values))
    if own is not None:
        found.append(_resource(own, Sql("event_resource.role = ''"), few))
    found += (_resource(one, Sql("event_resource.role <> ''"), few) for one in related)
    found += (_resource(one, sql.ALWAYS, few) for one in either)
    if given.id is not None and given.id.id:
        found.append(sql.is_in("event.event_id", given.id.id))
    return found


def _resource(wanted: Wanted, which: Sql, few: Few) -> Sql:
    """Events with a resource that is wanted: few are found by it, else it is looked up for each."""
    parts = [which]
    if wanted.ids is not None:
        parts.append(sql.is_in("event_resource.resource_id", wanted.ids))
    if wanted.prefixes is not None:
        parts.append(begins("event_resource.resource_id", wanted.prefixes))
    if wanted.roles is not None:
        parts.append(sql.is_in("event_resource.role", wanted.roles))
    if wanted.pairs is not None:
        pair = "event_resource.resource_id = ? AND event_resource.role = ?"
        parts.append(sql.any_of([Sql(f"({pair})", tuple(one)) for one in wanted.pairs]))
    text, values = sql.all_of([_HERE, *parts])
    found = Sql(f"SELECT event_resource.position FROM event_resource WHERE {text}", values)
    if wanted.narrow and few(found):
        return Sql(f"event.position IN ({found.text})", values)
    text, values = sql.all_of([Sql("event_resource.position = event.position"), *parts])
    return Sql(f"EXISTS (SELECT 1 FROM event_resource WHERE {text})", values)


def begins(column: LiteralString, prefixes: Iterable[str]) -> Sql:
    """Texts that begin so, as stretches of an index in the order of bytes."""
    found = [Sql(f"({column} >= ? AND {column} < ?)", (one, one + _LAST)) for one in prefixes]
    return sql.any_of(found)


Test = Callable[[Wanted], Sql]


def is_id(column: LiteralString) -> Test:
    """A condition on a column with an id."""

    def test(wanted: Wanted) -> Sql:
        parts = [sql.is_null(column, False)]
        if wanted.ids is not None:
            ids = [UUID(text) for text in wanted.ids if _is_uuid(text)]
            parts.append(sql.is_in(column, ids))
        if wanted.prefixes is not None:
            parts.append(sql.any_of([_range(column, text) for text in wanted.prefixes]))
        return sql.all_of(parts)

    return test


def _range(column: LiteralString, prefix: str) -> Sql:
    """The ids whose text begins so."""
    low, high = prefix + _UUID[len(prefix) :], prefix + _UUID[len(prefix) :].replace("0", "f")
    if not _is_uuid(low):
        return NEVER
    return Sql(f"({column} >= ? AND {column} <= ?)", (UUID(low), UUID(high)))


def _is_uuid(text: str) -> bool:
    """Tell whether a text is an id as events have it."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def is_flow(column: LiteralString) -> Test:
    """A condition on a column with the id of a flow."""
    has_id = is_id(column)

    def test(wanted: Wanted) -> Sql:
        if wanted.names is None:
            return has_id(wanted)
        text, values = sql.all_of(
            [Sql("named.ws = ?", (DEFAULT_WORKSPACE,)), sql.is_in("named.name", wanted.names)]
        )
        named = Sql(f"{column} IN (SELECT named.id FROM flow AS named WHERE {text})", values)
        return sql.all_of([has_id(wanted), named])

    return test


def is_text(column: LiteralString) -> Test:
    """A condition on a column with text."""

    def test(wanted: Wanted) -> Sql:
        parts: list[Sql] = []
        if wanted.ids is not None:
            parts.append(sql.is_in(column, wanted.ids))
        if wanted.prefixes is not None:
            parts.append(_starts(column, wanted.prefixes))
        return sql.all_of(parts)

    return test
