"""Spans of runs, for a program that has configured OpenTelemetry; nothing of it for others."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from legato import flow, get_run_logger, task
from legato.task_runners import ProcessPoolTaskRunner


@pytest.fixture
def spans(monkeypatch):
    """Have a provider for this test; returns the spans that have ended, by name."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return lambda: {span.name: span for span in exporter.get_finished_spans()}


def lies_below(span, above):
    return span.parent is not None and span.parent.span_id == above.context.span_id


def test_runs_have_spans_below_those_they_are_called_in(spans):
    @task
    def inner():
        return trace.get_current_span().get_span_context().span_id

    @flow
    def sub():
        return inner()

    @flow
    def outer():
        with trace.get_tracer_provider().get_tracer("mine").start_as_current_span("mine"):
            return sub()

    found = outer()
    told = spans()
    assert set(told) == {"inner", "sub", "mine", "outer"}
    assert lies_below(told["inner"], told["sub"])
    assert lies_below(told["sub"], told["mine"])
    assert lies_below(told["mine"], told["outer"])
    assert told["outer"].parent is None
    assert found == told["inner"].context.span_id
    said = told["inner"].attributes
    assert said["legato.run.kind"] == "task_run"
    assert said["legato.flow_run.id"] == told["sub"].attributes["legato.run.id"]
    assert (said["legato.state.type"], said["legato.state.name"]) == ("COMPLETED", "Completed")
    assert said["legato.run.name"].startswith("inner-")


def test_what_is_submitted_lies_below_the_run_that_submits(spans):
    @task
    def inner():
        pass

    @flow
    def outer():
        inner.submit().wait()

    outer()
    assert lies_below(spans()["inner"], spans()["outer"])


def test_what_is_done_in_another_process_lies_below_the_run_that_submits(spans, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider")  # of the worker

    @task
    def inner():
        span = trace.get_current_span()
        return span.name, span.context.trace_id, span.parent.span_id

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def outer():
        return inner.submit().result()

    name, trace_id, above = outer()
    told = spans()["outer"].context
    assert (name, trace_id, above) == ("inner", told.trace_id, told.span_id)


def test_async_runs_at_once_do_not_mix(spans):
    @task
    async def inner():
        await asyncio.sleep(0)

    @flow
    async def outer():
        await asyncio.gather(inner(), sub("a"), sub("b"))

    @flow(name="sub")
    async def sub(name):
        await inner.with_options(name=name)()

    asyncio.run(outer())
    told = spans()
    assert lies_below(told["inner"], told["outer"])
    assert lies_below(told["sub"], told["outer"])
    assert told["a"].parent.span_id != told["b"].parent.span_id


def test_a_failure_is_an_error_of_the_span_and_retries_lie_within_one(spans):
    calls = []

    @task(retries=1)
    def flaky():
        calls.append(1)
        raise ValueError("no such row")

    @flow
    def outer():
        get_run_logger()
        flaky(return_state=True)

    outer()
    span = spans()["flaky"]
    assert len(calls) == 2
    assert span.status.status_code is trace.StatusCode.ERROR
    assert "no such row" in span.status.description
    assert span.events[0].attributes["exception.type"] == "ValueError"
    assert spans()["outer"].status.status_code is not trace.StatusCode.ERROR


def test_who_has_not_configured_it_loads_nothing_of_it():
    script = (
        "import sys\nfrom legato import flow\n@flow\ndef f(): pass\nf()\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
        "import opentelemetry.trace\nf()\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry.sdk')]\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True)
