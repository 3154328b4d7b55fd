"""The description of the API: every route is in it, and what it refers to is there."""

from __future__ import annotations

import json

import pytest

from legato._model.errors import ObjectNotFound
from legato._model.operations.table import OPERATIONS
from legato._server.openapi import document


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_it_is_answered(api):
    assert api.get("/openapi.json").json() == document()


def test_what_it_refers_to_is_there():
    parts = document()["components"]
    there = {f"#/components/{kind}/{name}" for kind, names in parts.items() for name in names}
    assert set(references(document())) == there
    assert '"format": "duration"' not in json.dumps(document())


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.spec.id)
def test_an_operation_is_described(kind):
    spec = kind.spec
    route = document()["paths"][spec.path][spec.method.lower()]
    assert route["operationId"] == spec.id
    assert str(spec.status) in route["responses"]
    in_path = [part for part in route["parameters"] if part.get("in") == "path"]
    assert len(in_path) == spec.path.count("{")
    assert {str(error.status) for error in spec.errors} <= set(route["responses"])
    assert ("404" in route["responses"]) == bool(in_path or ObjectNotFound in spec.errors)
    if spec.body is not None:
        assert route["requestBody"]["required"]


def test_the_handshake_is_described(api):
    for path, methods in document()["paths"].items():
        if path in {"/health", "/ready", "/version", "/admin/version", "/admin/legato-version"}:
            assert list(methods) == ["get"]
            assert api.get(path).status_code == 200


def test_the_answer_about_tokens_is_described(api):
    (status,) = document()["paths"]["/csrf-token"]["get"]["responses"]
    assert api.get("/csrf-token", params={"client": "x"}).status_code == int(status)


def test_a_key_may_be_sent_with_what_changes_something():
    paths = document()["paths"]
    keyed = {"$ref": "#/components/parameters/IdempotencyKey"}
    for kind in OPERATIONS:
        route = paths[kind.spec.path][kind.spec.method.lower()]
        assert (keyed in route["parameters"]) == (kind.spec.access == "write")
    assert keyed in paths["/operations/{operation_id}"]["post"]["parameters"]
