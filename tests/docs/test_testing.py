"""The examples of docs/testing.md run as they stand there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.testing.projects import ROOT, Project, counts

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_examples_of_the_page_on_testing_run(project: Project) -> None:
    for number, example in enumerate(EXAMPLES):
        project.add(f"test_{number}.py", example)
    ran = project.pytest("-n", "0")
    tests = sum(len(re.findall(r"^def test_", example, re.MULTILINE)) for example in EXAMPLES)
    assert counts(ran.stdout) == {"passed": tests}, ran.stdout
    assert tests > 3
    assert project.litter() == []
