"""A shop on 127.0.0.1 whose pages fail as planned; it counts what it answers.

Alone it serves until Ctrl-C, for a look with the browser:

    python examples/flaky_site.py
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES = 12
GONE = 7


def planned(page: int) -> list[int]:
    """Return the statuses with which a page answers, one after the other."""
    return [404] if page == GONE else [503] * (page % 3) + [200]


class FlakySite(ThreadingHTTPServer):
    """Answers each page by its plan, and 500 when it is asked more often than planned."""

    request_queue_size = 2 * PAGES  # the scraper comes with all its requests at once

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Page)
        self.plan = {f"/articles/{page}": planned(page) for page in range(1, PAGES + 1)}
        self.plan["/"] = [200]
        self.answered: dict[str, list[int]] = {path: [] for path in self.plan}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://127.0.0.1:{self.server_port}/"

    def next_status(self, path: str) -> int:
        """Take the next status of a page from its plan, and count it."""
        with self._lock:
            answered = self.answered.setdefault(path, [])
            plan = self.plan.get(path, [])
            status = plan[len(answered)] if len(answered) < len(plan) else 500
            answered.append(status)
            return status

    def counts(self) -> str:
        """Say how many requests were planned and how many came, good and failed."""
        return f"planned: {_counted(self.plan)}\nserved:  {_counted(self.answered)}"


def _counted(statuses: dict[str, list[int]]) -> str:
    count = Counter(status for one in statuses.values() for status in one)
    return f"{count[200]} good and {count.total() - count[200]} failed requests"


class _Page(BaseHTTPRequestHandler):
    server: FlakySite

    def do_GET(self) -> None:
        status = self.server.next_status(self.path)
        body = self._body().encode() if status == 200 else b"try again, or not\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> str:
        if self.path == "/":
            pages = range(1, PAGES + 1)
            return "\n".join(f'<a href="/articles/{page}">Article {page}</a>' for page in pages)
        page = int(self.path.rpartition("/")[2])
        return f'<h1>Article {page}</h1>\n<p class="price">{page * 3.5:.2f}</p>'

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the counts are the log."""


@contextmanager
def running() -> Iterator[FlakySite]:
    """Serve from a thread for as long as the block takes."""
    with FlakySite() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


if __name__ == "__main__":
    with FlakySite() as alone:
        print(alone.url, flush=True)
        try:
            alone.serve_forever()
        except KeyboardInterrupt:
            print(alone.counts())
