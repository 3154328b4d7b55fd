"""The pages on Prefect say what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compat import ledger, page

ROOT = Path(__file__).parents[2]
COMPATIBILITY = ROOT / "docs" / "compatibility.md"


def test_every_name_command_and_setting_stands_on_the_page():
    read = ledger.read()
    names = [row.name for table in read.modules.values() for row in table.values()]
    text = page.text(read)
    found = set(re.findall(r"`([^`]+)`", text))
    top = {name for name in names if "." not in name}
    assert top - {item.split("(")[0].rpartition(".")[2] for item in found} == set()
    assert read.commands.keys() - found == set()
    assert read.settings.keys() - found == set()


def test_every_reason_stands_on_the_page():
    read = ledger.read()
    text = page.text(read)
    for table in [*read.modules.values(), read.commands, read.settings]:
        for row in table.values():
            for status in (row.status, *row.exceptions.values()):
                assert status.why in text


def test_a_page_that_is_not_made_of_the_ledger_is_told(tmp_path, capsys):
    made = tmp_path / "page.md"
    assert page.main(check=True, page=made) == 1
    assert page.main(check=False, page=made) == 0
    assert page.main(check=True, page=made) == 0
    made.write_text(made.read_text("utf-8") + "by hand\n", "utf-8")
    assert page.main(check=True, page=made) == 1
    assert "run scripts/generate" in capsys.readouterr().err


@pytest.mark.skipif(not COMPATIBILITY.is_file(), reason="the pages are not part of this copy")
def test_the_tests_that_the_page_names_exist():
    named = re.findall(r"`(\S+\.py): (test_\w+)`", COMPATIBILITY.read_text("utf-8"))
    assert named
    for file, test in named:
        text = (ROOT / "tests" / file).read_text("utf-8")
        assert f"def {test}(" in text, f"{file} has no {test}"
