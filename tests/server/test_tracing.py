"""Spans of requests: sent by a real server to something that takes them over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector():
    """Something that takes spans; returns its address and what came."""
    came = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", came
        server.shutdown()
        thread.join()


@pytest.fixture
def started(tmp_path):
    """Start a server with more in its environment; returns the process and the API's address."""
    processes = []

    def start(**more):
        env = {**os.environ, "LEGATO_HOME": str(tmp_path / "home"), **more}
        command = [sys.executable, "-m", "legato", "dev"]
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        line = process.stderr.readline()
        assert "API is at" in line, line + process.stderr.read()
        return process, line.split()[4].rstrip(",")

    yield start
    for process in processes:
        process.kill()
        process.communicate(timeout=60)


def test_requests_have_spans_below_those_of_their_clients(started, collector):
    where, came = collector
    process, api = started(OTEL_EXPORTER_OTLP_ENDPOINT=where)
    headers = {"traceparent": PARENT, "X-Request-Id": "shop-22"}
    with urlopen(Request(f"{api}/flows/", b'{"name": "etl"}', headers), timeout=30) as answer:
        assert answer.status == 201
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    found = ExportTraceServiceRequest.FromString(b"".join(came))
    resource = found.resource_spans[0].resource
    assert "legato-server" in {one.value.string_value for one in resource.attributes}
    span = next(
        span
        for group in found.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
        if span.name == "flows.create"
    )
    assert span.trace_id.hex() == PARENT[3:35]
    assert span.parent_span_id.hex() == PARENT[36:52]
    said = {one.key: one.value for one in span.attributes}
    assert said["http.response.status_code"].int_value == 201
    assert said["legato.request_id"].string_value == "shop-22"
