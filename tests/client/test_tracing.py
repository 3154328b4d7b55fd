"""Requests of a process name the span that they are sent from."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from legato._client.aio import AsyncLink
from legato._client.link import Link
from legato._client.routes import route_to


@pytest.fixture
def asked():
    """Something that is asked; returns its address and the spans that requests named."""
    came = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            came.append(self.headers["traceparent"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api", came
        server.shutdown()
        thread.join()


def test_a_request_names_the_span_that_it_is_sent_from(asked):
    url, came = asked
    link, alink = Link(route_to(url, {}), {}), AsyncLink(route_to(url, {}), {})
    tracer = TracerProvider().get_tracer("mine")
    with tracer.start_as_current_span("mine") as span:
        link.post("/", b"", {})
        asyncio.run(alink.post("/", b"", {}))
    link.post("/", b"", {})
    link.close()
    context = span.get_span_context()
    assert trace.format_span_id(context.span_id) == came[0].split("-")[2]
    assert trace.format_trace_id(context.trace_id) == came[1].split("-")[1]
    assert came[2] is None
