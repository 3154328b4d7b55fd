"""Spans of flow runs and task runs, for a program that has configured OpenTelemetry.

Nothing of it is imported here that the program has not imported itself, and a program that has not
set a provider of tracers pays for a look into `sys.modules`.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from legato._engine.flow_run import FlowEnd
from legato._model.states import State, StateType
from legato._sdk.context import FlowRunContext

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

    from legato._engine.effects import Draft

_MODULE = "opentelemetry.trace"
_traced: ContextVar[object] = ContextVar("legato_traced", default=None)
"""The run whose span is open already."""
_BAD = frozenset({StateType.FAILED, StateType.CRASHED})
End = TypeVar("End")


def wants(run: Any) -> bool:
    """Tell whether a run is to have a span, and has none yet."""
    return _MODULE in sys.modules and _traced.get() is not run and _provider() is not None


class RunSpan:
    """The span of a run, which is told how the run ended."""

    def __init__(self, span: Span, run: Any) -> None:
        self._span, self._run = span, run

    def ended(self, end: End) -> End:
        """Note how the run ended; return what was given."""
        if isinstance(end, FlowEnd):
            state, draft = end.state, end.draft
        else:
            state, draft = cast("tuple[State | None, Draft]", end)
        self._span.set_attribute("legato.run.name", self._run.context.name)
        if state is not None:
            self._span.set_attribute("legato.state.type", state.type.value)
            self._span.set_attribute("legato.state.name", state.name or "")
            if state.type in _BAD:
                self._fail(state.message, draft.data)
        return end

    def _fail(self, message: str | None, error: object) -> None:
        from opentelemetry.trace import Status, StatusCode

        if isinstance(error, BaseException):
            self._span.record_exception(error)
        self._span.set_status(Status(StatusCode.ERROR, message))


@contextmanager
def span(run: Any) -> Generator[RunSpan]:
    """Open a span, within which the run is to go on; its name is that of the flow or task."""
    provider = _provider()
    assert provider is not None  # noqa: S101 - `wants` was asked
    is_flow = isinstance(run.context, FlowRunContext)
    definition = run.flow if is_flow else run.task
    attributes = {
        "legato.run.kind": "flow_run" if is_flow else "task_run",
        "legato.run.id": str(run.context.id),
    }
    enclosing = None if is_flow else run.context.flow_run_context
    if enclosing is not None:
        attributes["legato.flow_run.id"] = str(enclosing.id)
    token = _traced.set(run)
    try:
        tracer = provider.get_tracer("legato")
        with tracer.start_as_current_span(definition.name, attributes=attributes) as opened:
            yield RunSpan(opened, run)
    finally:
        _traced.reset(token)


@contextmanager
def below(carried: Mapping[str, str]) -> Generator[None]:
    """Have spans lie below one that another process has open."""
    if not carried or _provider() is None:
        yield
        return
    from opentelemetry import context, propagate

    token = context.attach(propagate.extract(carried))
    try:
        yield
    finally:
        context.detach(token)


def _provider() -> TracerProvider | None:
    """Return what the program has set to make tracers."""
    trace = sys.modules.get(_MODULE)
    proxy = getattr(trace, "ProxyTracerProvider", None)
    if trace is None or proxy is None:  # it is being imported
        return None
    found: TracerProvider = trace.get_tracer_provider()
    return None if isinstance(found, proxy) else found
