"""The page on settings says what the table says."""

from pathlib import Path

import pytest

from legato._settings.table import SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def rows() -> list[str]:
    """Return the rows of the page's table as they must be."""
    return [
        f"| `{row.name}` | {row.kind.allowed} | {default(row.default)} | {row.doc} "
        f"| {', '.join(f'`{alias}`' for alias in row.aliases)} |".replace("  |", " |")
        for row in SETTINGS
    ]


def default(value: object) -> str:
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not part of this copy")
def test_the_page_has_the_table_of_the_code():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index("|---|---|---|---|---|") + 1
    assert lines[start:] == rows(), "the table must read:\n" + "\n".join(rows())
