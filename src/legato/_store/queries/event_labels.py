"""Labels that a filter asks for, as conditions by which an index leads to the events.

What they let through is more than the filter picks; `event_filters.includes` has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from legato._model.event_filters import (
    EventFilter,
    Labels,
    any_resource_filters,
    related_filters,
)
from legato._model.event_labels import cut, exact, prefixes
from legato._model.events import RESOURCE_ID, RESOURCE_NAME, ROLE, TASK_RUN
from legato._store import encode, sql
from legato._store.checks import COMMON_NAMES, COMMON_TYPES
from legato._store.port import DEFAULT_WORKSPACE
from legato._store.queries.event_conditions import Few, begins
from legato._store.sql import NEVER, Sql

_NAME, _TYPE = "prefect.state-name", "prefect.state-type"
_OWN = frozenset(
    {
        RESOURCE_ID,
        RESOURCE_NAME,
        _NAME,
        _TYPE,
        "prefect.run-count",
        "prefect.state-message",
        "prefect.state-timestamp",
    }
)
_OF_TASK = frozenset({"prefect.orchestration"})
_RELATED = frozenset({RESOURCE_ID, RESOURCE_NAME, ROLE})


def told(given: EventFilter, few: Few) -> list[Sql]:
    """Conditions on rows of `event`, by labels that few of them have."""
    having = [
        _having(label, values)
        for labels in _all(given)
        for label, values in labels.items()
        if label not in {RESOURCE_ID, ROLE}
    ]
    return [Sql(f"event.position IN ({one.text})", one.values) for one in having if few(one)]


def _all(given: EventFilter) -> Iterable[Labels]:
    own = given.resource
    found = [
        None if own is None else own.labels,
        *(one.labels for one in related_filters(given)),
        *(one.labels for one in any_resource_filters(given)),
    ]
    return [labels for labels in found if labels]


def _having(label: str, values: str | list[str]) -> Sql:
    """The events that may have a label with one of its values."""
    parts = [Sql("event_label.ws = ? AND event_label.label = ?", (DEFAULT_WORKSPACE, _kept(label)))]
    plain, begin = exact(values), prefixes(values)
    if plain is not None:
        parts.append(sql.is_in("event_label.value", list(map(_kept, plain))))
    elif begin is not None:
        parts.append(begins("event_label.value", map(_kept, begin)))
    more = Sql("event_label.ws = ? AND event_label.label = ''", (DEFAULT_WORKSPACE,))
    head = Sql("SELECT event_label.position FROM event_label WHERE")
    either = [head.then(sql.all_of(parts)), head.then(more)]
    return Sql(*sql.joined(" UNION ALL ", either))


def _kept(text: str) -> str:
    """Return a label or a value as it stands in the index."""
    return encode.text(cut(text))


def of_states(given: EventFilter, kind: str) -> list[Sql]:
    """Conditions on transitions, whose events have the same labels always."""
    own = _OWN | _OF_TASK if kind == TASK_RUN else _OWN
    labels = (given.resource.labels if given.resource is not None else None) or {}
    if (
        not own.issuperset(labels)
        or any(not _RELATED.issuperset(one.labels or ()) for one in related_filters(given))
        or any(
            not own.issuperset(one.labels or ()) and not _RELATED.issuperset(one.labels or ())
            for one in any_resource_filters(given)
        )
    ):
        return [NEVER]
    return [
        *_entered("state.name", COMMON_NAMES, labels.get(_NAME)),
        *_entered("state.type", COMMON_TYPES, labels.get(_TYPE)),
    ]


def _entered(
    column: LiteralString, common: tuple[LiteralString, ...], values: str | list[str] | None
) -> list[Sql]:
    """States of these names or types; that they are uncommon is said aloud, for the index."""
    plain = None if values is None else exact(values)
    if plain is None:
        return []
    found = [sql.is_in(column, list(map(encode.text, plain)))]
    if not any(value in common for value in plain):
        found += [Sql(f"{column} <> '{one}'") for one in common]
    return found
