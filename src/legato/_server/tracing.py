"""Spans of requests, where OpenTelemetry is configured: by variables, or before the server starts.

Nothing of it is imported otherwise. It comes with the extra `otel`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from legato._model.errors import SettingsError
from legato._server.answers import STATUS
from legato._server.measuring import OPERATION, request_id

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_PLACES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SERVICE = "legato-server"
_FAILED = 500


def configure() -> None:
    """Send spans where the variables of OpenTelemetry say, if they do and nobody has seen to it."""
    named = next((name for name in _PLACES if os.environ.get(name)), None)
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if named is None or disabled or tracer() is not None:
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(
            f"{named} asks for traces, which need OpenTelemetry: install legato[otel], or unset it."
        ) from None
    os.environ.setdefault("OTEL_SERVICE_NAME", SERVICE)
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def tracer() -> Tracer | None:
    """Return what makes spans; None: nobody wants any."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        return None
    found: Tracer = provider.get_tracer("legato")
    return found


def traced(app: ASGIApp) -> ASGIApp:
    """Return the application with a span for each request, if anybody wants them."""
    found = tracer()
    return app if found is None else Traced(app, found)


class Traced:
    """The middleware: a span for each request, below the one that its client has named."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from opentelemetry import propagate
        from opentelemetry.trace import SpanKind

        pairs = (
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        above, method = propagate.extract(dict(pairs)), str(scope["method"])
        with self._tracer.start_as_current_span(method, above, SpanKind.SERVER) as span:
            try:
                await self._app(scope, receive, send)
            finally:
                if STATUS in scope:
                    _describe(span, scope, scope[STATUS])


def _describe(span: Span, scope: Scope, status: int) -> None:
    """Note how a request was answered; its span is named by its operation, if it has one."""
    from opentelemetry.trace import StatusCode

    operation = scope.get(OPERATION)
    if operation is not None:
        span.update_name(operation)
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("url.path", scope["path"])
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("legato.request_id", request_id(scope))
    if status >= _FAILED:
        span.set_status(StatusCode.ERROR)
