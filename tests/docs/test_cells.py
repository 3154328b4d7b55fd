"""The cells of the page on notebooks run in a kernel, and show what the page says."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.chaos.verdict import count
from tests.docs.comparing import plain
from tests.docs.pages import ROOT
from tests.sdk.kernels import DEADLINE, Cell, Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("jupyter_client", reason="needs jupyter_client")
pytest.importorskip("ipykernel", reason="needs ipykernel")

PAGE = ROOT / "docs" / "notebooks.md"
AT_WORK = 3
"""Tasks of the cell that is interrupted."""
_BLOCK = re.compile(r"(<!-- interrupted -->\n)?```(ipython3|text)\n(.*?)```", re.DOTALL)


class Given(NamedTuple):
    """A cell of the page, and what the page says that it shows."""

    code: str
    shown: str
    interrupted: bool


def cells() -> Iterator[Given]:
    blocks = _BLOCK.findall(PAGE.read_text("utf-8"))
    for (mark, kind, text), (_, next_kind, next_text) in pairwise([*blocks, ("", "", "")]):
        if kind == "ipython3":
            yield Given(text, next_text if next_kind == "text" else "", bool(mark))


def run(kernel: Kernel, given: Given) -> Cell:
    if not given.interrupted:
        return kernel.run(given.code)
    kernel.begin(given.code)
    running = "select count(*) from task_run where state_type = 'RUNNING'"
    end = time.monotonic() + DEADLINE
    while count(kernel.home, running) < AT_WORK and time.monotonic() < end:
        pass
    return kernel.stop()


def test_the_cells_of_the_page_show_what_it_says(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    try:
        found = list(cells())
        for given in found:
            cell = run(kernel, given)
            printed = cell.out + "".join(shown["text/plain"] for shown in cell.shown)
            if given.interrupted:
                printed = cell.traceback.splitlines()[-1]
            assert plain(printed) == plain(given.shown), (given.code, cell.traceback)
    finally:
        kernel.close()
    assert len(found) > 6
    assert sum(given.interrupted for given in found) == 1
