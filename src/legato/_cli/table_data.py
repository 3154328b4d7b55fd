"""The data of a table artifact as lines: a head, and one line a row."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Any, cast

from legato._cli.tables import table

Rows = list[list[Any]]


def lines(data: str) -> list[str]:
    """Return the lines of a table, or those of the text if it is no table that can be shown."""
    try:
        found = json.loads(data)
    except ValueError:
        return data.splitlines()
    rows = _rows(found)
    if not rows:
        return data.splitlines()
    width = max(len(row) for row in rows)
    if not width:
        return data.splitlines()
    texts = [[_text(value) for value in row] + [""] * (width - len(row)) for row in rows]
    return table(texts[0], texts[1:], None)


def _rows(found: object) -> Rows:
    """Return the head and the rows of a dict of columns, a list of dicts or a list of lists."""
    if isinstance(found, dict):
        columns = cast("dict[str, object]", found)
        if not all(isinstance(column, list) for column in columns.values()):
            return []
        values = [cast("list[Any]", column) for column in columns.values()]
        return [list(columns), *(list(row) for row in zip_longest(*values))]
    if not isinstance(found, list):
        return []
    items = cast("list[object]", found)
    if all(isinstance(item, list) for item in items):
        return cast("Rows", items)
    if not all(isinstance(item, dict) for item in items):
        return []
    dicts = cast("list[dict[str, Any]]", items)
    head = list(dict.fromkeys(name for row in dicts for name in row))
    return [head, *([row.get(name) for name in head] for row in dicts)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
