"""What `legato db size` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from legato._cli import listing, times
from legato._cli.output import print_json, say

if TYPE_CHECKING:
    from legato._cli.options import Output
    from legato._cli.tables import Row
    from legato._store.sizes import DatabaseSize, KindSize, TableSize


def show(name: str, size: DatabaseSize, output: Output, tables: bool) -> None:
    """Print the size of a database."""
    if output == "json":
        print_json(size)
        return
    free = f", of which {data(size.free_bytes)} are free" if size.free_bytes else ""
    say(f"{name}: {data(size.bytes)}{free}.")
    if tables:
        found = [(kind.kind, table) for kind in size.kinds for table in kind.tables]
        titles = ("KIND", "TABLE", "ROWS", "SIZE")
        listing.show(output, found, titles, lambda: [_table(*each) for each in found])
    else:
        titles = ("KIND", "NUMBER", "SIZE", "OLDEST")
        listing.show(output, size.kinds, titles, lambda: list(map(_kind, size.kinds)))


def _kind(kind: KindSize) -> Row:
    count = "-" if kind.rows is None else _count(kind.tables[0])
    return (kind.kind, count, data(kind.bytes), times.moment(kind.oldest))


def _table(kind: str, table: TableSize) -> Row:
    return (kind, table.table, _count(table), data(table.bytes))


def _count(table: TableSize) -> str:
    return f"{'~' if table.estimated else ''}{table.rows}"


def data(size: int | None) -> str:
    """Return a number of bytes as people read it."""
    if size is None:
        return "-"
    found, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if found < 1024:
            break
        found, unit = found / 1024, larger
    return f"{found:.0f} {unit}" if unit == "B" else f"{found:.1f} {unit}"
