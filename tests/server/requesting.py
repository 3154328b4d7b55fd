"""Requests for every route of the description: valid ones, and any of their fields replaced.

A new route or field joins by itself, as all is read from the OpenAPI document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from legato._server.openapi import document

ITEM = "[]"
FREE = "free"
"""A field that takes any JSON value."""


@dataclass(frozen=True)
class Route:
    """A method at a path, with the schema of its body and of what path and query say."""

    method: str
    path: str
    body: Any
    parameters: tuple[dict[str, Any], ...]

    def __str__(self):
        return f"{self.method} {self.path}"

    def in_(self, place):
        return [one for one in self.parameters if one.get("in") == place]


@dataclass(frozen=True)
class Call:
    """A request; `body` is JSON as it is sent."""

    method: str
    path: str
    body: bytes = b""
    query: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def routes():
    """Return all routes of the description."""
    return [
        Route(method.upper(), path, _body(said), tuple(said.get("parameters", ())))
        for path, methods in document()["paths"].items()
        for method, said in methods.items()
    ]


def _body(said):
    return said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")


def resolved(schema):
    """Return a schema with its reference followed, and its first choice that is not null."""
    while True:
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        else:
            return schema


def leaves(schema, above=()):
    """Yield the path and the schema of each field that holds no further fields."""
    schema = resolved(schema)
    kind = schema.get("type")
    if kind == "object" and schema.get("properties"):
        for name, inner in schema["properties"].items():
            yield from leaves(inner, (*above, name))
    elif kind == "array" and schema.get("items"):
        yield from leaves(schema["items"], (*above, ITEM))
    elif kind == "object" and resolved(schema.get("additionalProperties") or {}).get("type"):
        yield from leaves(schema["additionalProperties"], (*above, "key"))
    else:
        yield above, schema


def sample(schema, known, name=""):
    """Return a small valid value; `known` has values by the names of fields."""
    if name in known:
        return known[name]
    schema = resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        inner = schema.get("properties", {})
        return {key: sample(inner[key], known, key) for key in schema.get("required", ())}
    if kind == "array":
        return [sample(schema["items"], known, name)] if schema.get("minItems") else []
    return _SCALARS.get(schema.get("format") or kind, "a")


_SCALARS = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date-time": "2026-01-01T00:00:00Z",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "seconds": 1.0,
}


def placed(schema, path, value, known, name=""):
    """Return a valid value in which `value` stands at `path`."""
    if not path:
        return value
    schema, head = resolved(schema), path[0]
    if head == ITEM:
        return [placed(schema["items"], path[1:], value, known, name)]
    whole = sample(schema, known, name)
    whole = dict(whole) if isinstance(whole, dict) else {}
    inner = schema.get("properties", {}).get(head) or schema.get("additionalProperties") or {}
    whole[head] = placed(inner, path[1:], value, known, head)
    return whole


def filled(route, known):
    """Return the path of a route with known values in it."""
    path = route.path
    for one in route.in_("path"):
        path = path.replace(f"{{{one['name']}}}", str(sample(one["schema"], known, one["name"])))
    return path


def dumps(value, raw=()):
    """Return JSON; a text that is a key of `raw` is replaced by what stands there, as it is."""
    text = json.dumps(value).encode()
    for mark, bytes_ in dict(raw).items():
        text = text.replace(json.dumps(mark).encode(), bytes_)
    return text
