"""The examples of the pages run, and print what the pages say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.comparing import fails, plain, relevant
from tests.docs.pages import PAGES, ROOT, steps, unmarked
from tests.docs.player import play

if TYPE_CHECKING:
    from pathlib import Path

WITH_EXAMPLES = [page for page in PAGES if steps(page.read_text("utf-8"))]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    given = steps(page.read_text("utf-8"))
    for step, played in zip(given, play(given, tmp_path), strict=True):
        where = f"{page.name}:{step.line}: {step.command}\n{played.printed}"
        assert (played.status != 0) == fails(step), where
        if step.shown is not None:
            assert plain(relevant(step, played)) == plain(step.shown), where


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    """A block without a kind is neither coloured nor run."""
    assert unmarked(page.read_text("utf-8")) == []


@pytest.mark.skipif(len(PAGES) == 1, reason="the pages are not part of this copy")
def test_the_print_of_every_mistake_ends_at_a_line_of_the_user() -> None:
    """Also where somebody has renewed the page without reading it."""
    given = steps((ROOT / "docs" / "mistakes.md").read_text("utf-8"))
    told = [step for step in given if step.shown and step.shown.startswith("Traceback")]
    assert len(told) >= 20
    for step in told:
        files = re.findall(r'^  File "(.*)", line', step.shown or "", re.MULTILINE)
        assert set(files) == {step.file}
        assert "legato._" not in (step.shown or "")
