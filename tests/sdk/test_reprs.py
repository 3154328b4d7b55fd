"""What prompts and notebooks show of runs, states and futures: one line, and no data of users."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from legato import allow_failure, flow, task, unmapped
from legato._sdk import html
from legato._sdk.client.objects import FlowRun, TaskRun
from legato.client.orchestration import get_client
from legato.context import get_run_context
from legato.futures import Future
from legato.states import Completed, Failed
from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from legato.utilities.annotations import quote
from tests.chaos.processes import environment

SECRET = "hunter2"


class Shown(HTMLParser):
    """The text of some HTML; unclosed and unknown tags are errors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("div", "span", "strong", "code")
        self.open.append(tag)
        self.styles += [value or "" for name, value in attrs if name == "style"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@task
def double(x: int, secret: str = "") -> list[Any]:
    return [2 * x, secret]


@task
def bad(secret: str) -> None:
    raise ValueError("no")


def recorded() -> tuple[FlowRun, TaskRun]:
    with get_client(sync_client=True) as client:
        [flow_run] = client.read_flow_runs()
        return flow_run, client.read_task_runs()[0]


def test_a_line_says_what_it_is_and_how_it_stands() -> None:
    said: dict[str, str] = {}

    @flow(name="whole")
    def whole(secret: str) -> list[Any]:
        future, failed = double.submit(1, secret), bad.submit(secret)
        several = double.map([1, 2], unmapped(secret))
        for one in (future, failed, *several):
            one.wait()
        said["future"], said["failed"] = repr(future), repr(failed)
        said["several"] = repr(several)
        said["context"] = repr(get_run_context())
        return future.result()

    state = whole(SECRET, return_state=True)
    flow_run, task_run = recorded()
    assert said["future"] == "<Future 'double-0' Completed>"
    assert said["failed"] == "<Future 'bad-0' Failed>"
    assert said["several"] == "<FutureList of 2: 2 Completed>"
    assert said["context"] == f"<FlowRunContext {flow_run.name!r} Running>"
    assert repr(state) == "<State Completed>"
    assert repr(flow_run) == f"<FlowRun {flow_run.name!r} Completed {flow_run.id}>"
    assert repr(task_run) == f"<TaskRun {task_run.name!r} {task_run.state_name} {task_run.id}>"
    assert repr(whole) == "<flow 'whole'>"
    assert repr(double) == "<task 'double'>"
    assert repr(ThreadPoolTaskRunner(3)) == "ThreadPoolTaskRunner(max_workers=3)"
    assert repr(ProcessPoolTaskRunner(2)) == "ProcessPoolTaskRunner(max_workers=2)"
    shown: list[Any] = [state, flow_run, task_run]
    for text in [*said.values(), *map(repr, shown), *(one._repr_html_() for one in shown)]:
        assert SECRET not in text
        assert "\n" not in text


def test_a_state_is_shown_with_its_message_on_one_line() -> None:
    assert repr(Completed(message="all\n  done")) == "<State Completed 'all done'>"
    assert repr(Failed()) == "<State Failed>"
    assert repr(Failed(name="TimedOut")) == "<State TimedOut FAILED>"
    long = repr(Failed(message="x" * 1000))
    assert len(long) < 150
    assert long.endswith("...'>")


@pytest.mark.parametrize("kind", [unmapped, quote, allow_failure])
def test_an_annotation_says_what_kind_of_value_it_holds(kind: Any) -> None:
    assert repr(kind([SECRET])) == f"<{kind.__name__} list>"


def test_a_future_says_how_it_stands_before_it_ends() -> None:
    said: list[str] = []

    @task
    def asks(future_of: list[Future[Any]]) -> None:
        said.append(repr(future_of[0]))
        said.append(future_of[0]._repr_html_())

    @flow
    def whole() -> None:
        box: list[Future[Any]] = []
        first = double.submit(1)
        box.append(asks.submit(quote(box), wait_for=[first]))

    whole()
    assert said[0] == "<Future 'asks-0' Running>"
    assert Shown(said[1]).texts == ["asks-0", "Running"]


def test_a_notebook_shows_name_state_and_message() -> None:
    @flow
    def whole() -> None:
        bad("x")

    state = whole(return_state=True)
    flow_run, _ = recorded()
    texts = Shown(state._repr_html_()).texts
    assert texts[:2] == ["Failed", "Flow run encountered an exception: ValueError: no"]
    assert texts[3] == "holds ValueError"
    texts = Shown(flow_run._repr_html_()).texts
    assert texts[:2] == [flow_run.name, "Failed"]
    assert texts[-1] == str(flow_run.id)


def test_what_stands_in_html_is_escaped() -> None:
    evil = "<img src=x onerror=\"alert('&')\">"
    texts = Shown(Failed(name=evil, message=evil)._repr_html_()).texts
    assert texts[:2] == [evil, evil]
    flow_run = FlowRun.model_validate(
        {
            "id": "00000000-0000-0000-0000-000000000001",
            "created": "2026-01-01T00:00:00Z",
            "updated": "2026-01-01T00:00:00Z",
            "start_time": "2026-01-01T00:00:00Z",
            "flow_id": "00000000-0000-0000-0000-000000000002",
            "name": evil,
            "state_name": evil,
            "tags": [evil],
        }
    )
    texts = Shown(flow_run._repr_html_()).texts
    assert texts[:2] == [evil, evil]
    assert f"tags {evil}" in texts


def test_names_of_states_are_readable_on_light_and_dark_pages() -> None:
    """White on a ground of its own; all other text has the page's colour."""
    for ground in set(html._GROUNDS.values()):
        assert contrast(ground, "#ffffff") >= 4.5, ground
    for style in Shown(Completed(message="x")._repr_html_()).styles:
        assert ("color:" in style) == ("background:" in style)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_nothing_of_it_is_loaded_before_something_is_shown(tmp_path: Any) -> None:
    code = """
import sys
from legato import flow, task
@task
def step(): return 1
@flow
def f(): return step.submit().result()
state = f(return_state=True)
loaded = {"legato._sdk.reprs", "legato._sdk.html", "html"} & sys.modules.keys()
assert not loaded, loaded
repr(state), state._repr_html_()
assert "legato._sdk.html" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(tmp_path))
