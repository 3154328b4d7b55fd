"""A flow is drawn from a dry run: no task is called, nothing is recorded."""

from __future__ import annotations

import asyncio
import sys

import pytest

from legato import flow, get_run_logger, task
from legato.exceptions import FlowVisualizationError, GraphvizImportError

called = []


def refuse(*_):
    called.append("hook")


@task(retries=3, retry_delay_seconds=9, on_completion=[refuse], persist_result=True)
def load(*given):
    called.append("load")


@task(viz_return_value=[1, 2])
def numbers():
    called.append("numbers")


@task
async def aload(*given):
    called.append("aload")


@task(tags=["db"])
def items():
    called.append("items")
    yield 1


@flow(on_completion=[refuse], persist_result=True)
def child(given=None):
    return load(given)


@pytest.fixture(autouse=True)
def nothing_happens(home, capsys):
    called.clear()
    yield
    assert called == []
    assert not (home / "legato.db").exists()
    assert capsys.readouterr() == ("", "")


def test_edges_are_those_of_a_real_run():
    @flow
    def work(n):
        get_run_logger().warning("not shown")
        first = load(n)
        second = load(first)
        load([first], second, wait_for=[second])

    assert work.generate_mermaid_graph(1) == (
        "flowchart TD\n"
        '    n0["load-0"]\n'
        '    n1["load-1"]\n'
        '    n2["load-2"]\n'
        "    n0 --> n1\n"
        "    n0 --> n2\n"
        "    n1 --> n2\n"
    )


def test_what_a_subflow_calls_stands_inside_of_it():
    @flow
    def work():
        child(load())

    text = work.generate_mermaid_graph()
    assert '    subgraph n1["child-0"]\n        n2["load-0"]\n    end\n' in text
    assert "    n0 --> n1\n" in text


def test_a_value_for_the_drawing_stands_in_for_the_result():
    @flow
    def work():
        for number in numbers():
            load(number)

    assert work.generate_mermaid_graph().count("load-") == 2


def test_async_flows_and_tasks_that_yield():
    @flow
    async def work():
        first = await aload()
        for item in items():
            await aload(first, item)

    text = work.generate_mermaid_graph()
    assert '["items-0"]' in text
    assert "n0 --> n2" in text

    async def within_a_loop():
        work.generate_mermaid_graph()

    with pytest.raises(FlowVisualizationError, match="outside of a running loop"):
        asyncio.run(within_a_loop())


def test_a_flow_that_uses_what_a_task_returns_says_what_to_do():
    @flow(retries=2, retry_delay_seconds=9)
    def work():
        return load() + 1

    with pytest.raises(
        FlowVisualizationError, match=r"'work' could not be drawn: TypeError.*viz_ret"
    ):
        work.generate_mermaid_graph()


def test_names_are_written_so_that_mermaid_can_read_them():
    @task(task_run_name='say "{given}" #1')
    def say(given):
        called.append("say")

    @flow
    def work():
        say("x")

    assert 'n0["say #quot;x#quot; #35;1"]' in work.generate_mermaid_graph()


def test_without_graphviz_the_error_names_mermaid(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(GraphvizImportError, match=r"generate_mermaid_graph\(\)"):
        child.visualize()


def test_methods_are_drawn_too():
    class Work:
        @flow
        def run(self, n):
            assert isinstance(self, Work)
            load(n)

    assert '["load-0"]' in Work().run.generate_mermaid_graph(1)


def test_within_a_loop_there_are_awaitable_twins(monkeypatch):
    @flow
    async def work(n):
        await aload(n)

    monkeypatch.setitem(sys.modules, "graphviz", None)

    async def draw():
        with pytest.raises(GraphvizImportError):
            await work.avisualize(1)
        return await work.agenerate_mermaid_graph(1), await child.agenerate_mermaid_graph()

    ours, others = asyncio.run(draw())
    assert 'n0["aload-0"]' in ours
    assert 'n0["load-0"]' in others
