"""The tests that the pages show pass, and leave nothing behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs import pages
from tests.testing.projects import Project, counts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(len(pages.PAGES) == 1, reason="the pages are not part of this copy")
def test_the_tests_that_the_pages_show_pass(tmp_path: Path) -> None:
    project = Project(tmp_path)
    shown = [block for page in pages.PAGES for block in pages.tests(page.read_text("utf-8"))]
    for number, block in enumerate(shown):
        project.add(f"test_{number}.py", block)
    ran = project.pytest("-n", "0")
    total = sum(len(re.findall(r"^(?:async )?def test_", block, re.MULTILINE)) for block in shown)
    assert counts(ran.stdout) == {"passed": total}, ran.stdout
    assert total > 3
    assert project.litter() == []
