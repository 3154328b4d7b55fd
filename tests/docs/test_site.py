"""The documentation is built without a warning; its links lead somewhere, also to every page."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag

import pytest

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MADE_BY_SPHINX = {"genindex.html", "py-modindex.html", "search.html"}


class Page(HTMLParser):
    """The links of a page, and the names that links can lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = {""}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.names.add(found.get("id") or "")
        if tag == "a" and (link := found.get("href")):
            self.links.append(link)


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the pages are not part of this copy")
def test_the_site(tmp_path: Path) -> None:
    """One test, for the building takes some seconds."""
    site = tmp_path / "html"
    command = [str(ROOT / "scripts" / "docs"), str(site)]
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PATH": search},
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert {path.relative_to(site).as_posix() for path in pages} - MADE_BY_SPHINX == written()
    for path, page in pages.items():
        for link in page.links:
            assert leads_somewhere(pages, path, link), f"{path.name}: {link}"
    found = reachable(pages, site / "index.html")
    assert {path for path in pages if path.name not in MADE_BY_SPHINX} <= found


def written() -> set[str]:
    """Return the pages that the folder should give."""
    docs = ROOT / "docs"
    found = [path.relative_to(docs).with_suffix(".html") for path in docs.rglob("*.md")]
    return {path.as_posix() for path in found if "_build" not in path.parts}


def leads_somewhere(pages: dict[Path, Page], page: Path, link: str) -> bool:
    """Tell whether a link within the site has a target."""
    if "://" in link or link.startswith("mailto:"):
        return True
    file, name = target(page, link)
    return name in pages[file].names if file in pages else file.exists()


def reachable(pages: dict[Path, Page], first: Path) -> set[Path]:
    """Return the pages that links lead to from the first one."""
    found: set[Path] = set()
    left = {first}
    while left:
        path = left.pop()
        found.add(path)
        left |= {target(path, link)[0] for link in pages[path].links} & pages.keys() - found
    return found


def target(page: Path, link: str) -> tuple[Path, str]:
    """Return the file and the name in it that a link leads to."""
    path, name = urldefrag(link)
    return ((page.parent / unquote(path)).resolve() if path else page, unquote(name))


def test_a_link_into_nothing_is_told(tmp_path: Path) -> None:
    there = tmp_path / "there.html"
    there.write_text('<a href="#name" id="name"></a><a href="gone.html"></a>')
    pages = {there: Page(there)}
    told = [leads_somewhere(pages, there, link) for link in (*pages[there].links, "there.html#no")]
    assert told == [True, False, False]
