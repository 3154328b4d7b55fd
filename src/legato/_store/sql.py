"""SQL that is put together at run time, the same text for both databases.

A piece of SQL has a `?` for each of its values. Its text is made of literals alone, which a type
checker proves (`LiteralString`); what a request brings is bound, never written into the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, NamedTuple


class Sql(NamedTuple):
    """A statement or a part of one, with the values for its marks in their order."""

    text: LiteralString
    values: tuple[Any, ...] = ()

    def then(self, *parts: Sql) -> Sql:
        """Return this with others behind it."""
        return joined(" ", (self, *parts))


ALWAYS = Sql("1 = 1")
NEVER = Sql("1 = 0")


def joined(between: LiteralString, parts: Iterable[Sql]) -> Sql:
    """Return the parts with a text between them."""
    found = list(parts)
    text = between.join([part.text for part in found])
    return Sql(text, tuple(value for part in found for value in part.values))


def all_of(parts: Sequence[Sql]) -> Sql:
    """All conditions hold; of none, that is true."""
    return joined(" AND ", parts) if parts else ALWAYS


def any_of(parts: Sequence[Sql]) -> Sql:
    """One of the conditions holds; of none, that is false."""
    if not parts:
        return NEVER
    text, values = joined(" OR ", parts)
    return Sql(f"({text})", values)


def marks(values: Sequence[Any]) -> Sql:
    """Return a list of values, without brackets."""
    return Sql(("?, " * len(values))[:-2], tuple(values))


def is_in(column: LiteralString, values: Sequence[Any]) -> Sql:
    """The column has one of the values."""
    return Sql(f"{column} IN ({marks(values).text})", tuple(values)) if values else NEVER


def is_not_in(column: LiteralString, values: Sequence[Any]) -> Sql:
    """The column has a value, and none of these."""
    return Sql(f"{column} NOT IN ({marks(values).text})", tuple(values)) if values else ALWAYS


def is_null(column: LiteralString, null: bool) -> Sql:
    """The column has no value, or (`null` is false) has one."""
    return Sql(f"{column} IS NULL") if null else Sql(f"{column} IS NOT NULL")


def has_part(column: LiteralString, part: str) -> Sql:
    """The column's text contains another, whatever that consists of; case does not matter."""
    part = part.lower()
    for sign in "/%_":
        part = part.replace(sign, f"/{sign}")
    return Sql(f"lower({column}) LIKE ? ESCAPE '/'", (f"%{part}%",))


def listed(table: LiteralString, names: Sequence[LiteralString]) -> LiteralString:
    """Return the columns of a table for a SELECT."""
    return ", ".join([f"{table}.{name}" for name in names])
