"""The description of the API, from the operation table; `scripts/generate` keeps a copy of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import structs

from legato._model.errors import ObjectNotFound
from legato._model.operations.logs import DownloadLogs, LogPart
from legato._model.operations.requests import body_of
from legato._model.operations.spec import Operation, Spec
from legato._model.operations.table import OPERATIONS
from legato._server import journal, native, quirks, streams_asked
from legato._server.duties import DutyStatus
from legato._server.handshake import API_VERSION
from legato._server.operations import KEY_PARAMETER

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}}
_PROBLEM = {
    "type": "object",
    "properties": {
        "detail": {"type": "string"},
        "exception_message": {"type": "string"},
        "exception_detail": {"type": "array", "items": {"type": "object"}},
        "request_body": {},
    },
}
# What any request may be answered with: status, name, what it says.
_COMMON = (
    ("400", "Other", "The request is for another version of the API, or what it asks may not be."),
    ("401", "Unauthorized", "Somebody else may do this."),
    ("403", "Foreign", "The request is from a page of another site."),
    ("413", "TooLong", "The body is too long."),
    ("421", "NotHere", "This server does not answer to that host name."),
    ("422", "Invalid", "The request is not valid."),
    ("503", "Unavailable", "The database cannot be used now; try again."),
)
_RESPONSE = "#/components/responses/{name}"
_SAID = {
    404: "There is no such object.",
    403: "The name is kept for internal use, or the request is from a page of another site.",
    409: "There is such an object already, or it is in another state.",
    410: "What was held, or asked for, is there no longer.",
    423: "What is asked for is in use; try again after the seconds in Retry-After.",
}
_KEYED = {"$ref": "#/components/parameters/IdempotencyKey"}
_SECONDS = {"type": "number", "format": "seconds", "default": 0.0}
# What is no operation: method, path, what it says, the type of its answer.
_HANDSHAKE = (
    ("/health", "Tell that the server answers.", bool),
    ("/ready", "Tell whether the database can be used; 503 if not.", dict[str, str]),
    ("/version", "Return the version of this API.", str),
    ("/admin/version", "Return the version of Prefect's API that this one is compared with.", str),
    ("/admin/settings", "Return the settings, without secrets.", dict[str, Any]),
    ("/admin/duties", "Tell how the duties of this server fare.", list[DutyStatus]),
    ("/admin/legato-version", "Return the version of Legato.", str),
)


@cache
def document() -> dict[str, Any]:
    """Return the description as OpenAPI 3.1."""
    kinds = [*OPERATIONS, *_answers()]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    found = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {
        path: {"get": _described(path[1:].replace("/", "."), text, _answer(found[repr(kind)]), {})}
        for path, text, kind in _HANDSHAKE
    }
    refused = {"422": _answer(_DETAIL, "No token is needed; Prefect's clients know this answer.")}
    tokens = _described("csrf-token", "Refuse to make tokens, as none are asked for.", refused, {})
    paths["/csrf-token"] = {"get": tokens}
    lines = {"200": _answer({"type": "string"}, media="text/plain")}
    paths["/metrics"] = {"get": _described("metrics", "Return counts for Prometheus.", lines, {})}
    paths["/journal"] = {"post": journal.DESCRIPTION}
    paths["/operations/{operation_id}"] = {"post": native.DESCRIPTION}
    for path, description in streams_asked.descriptions().items():
        refusals = {code: {"$ref": _RESPONSE.format(name=name)} for code, name, _ in _COMMON}
        responses = dict(sorted({**refusals, **description["responses"]}.items()))
        paths[path] = {"post": {**description, "responses": responses}}
    for kind in OPERATIONS:
        spec: Spec = kind.spec
        whole = components[kind.__name__]
        if (body := body_of(kind)) is not None:
            components[body.__name__]["additionalProperties"] = False
        paths.setdefault(spec.path, {})[spec.method.lower()] = _route(kind, whole, found)
    kept = set(components) - _names() - {LogPart.__name__}  # which is sent as a file
    parts = {name: components[name] for name in kept}
    described: dict[str, Any] = _in_seconds(
        {
            "openapi": "3.1.0",
            "info": {"title": "Legato", "version": API_VERSION},
            "servers": [{"url": "/api"}],
            "paths": dict(sorted(paths.items())),
            "components": {
                "parameters": {"IdempotencyKey": KEY_PARAMETER},
                "responses": _common(),
                "schemas": dict(sorted(parts.items())),
            },
        }
    )
    return described


def _common() -> dict[str, Any]:
    return {name: _answer(_PROBLEM, text) for _, name, text in _COMMON}


def _names() -> set[str]:
    return {kind.__name__ for kind in OPERATIONS}


def _answers() -> list[Any]:
    answers = [kind.spec.answer for kind in OPERATIONS if kind.spec.answer is not None]
    return list({repr(kind): kind for kind in [*answers, *(row[2] for row in _HANDSHAKE)]}.values())


def _route(kind: type[Operation], whole: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    spec: Spec = kind.spec
    answer = None if spec.answer is None else found[repr(spec.answer)]
    answers: dict[str, Any] = {str(spec.status): _answer(answer)}
    if spec.id in quirks.PLAIN_TEXT:
        answers["200"] = _answer({"type": "string"}, media="text/plain")
    if kind is DownloadLogs:
        answers["200"] = _answer({"type": "string"}, media="text/csv")
    if spec.id in quirks.CREATED_OR_FOUND:
        answers |= {"200": _answer(answer), "201": _answer(answer)}
    answers |= {status: {"$ref": _RESPONSE.format(name=name)} for status, name, _ in _COMMON}
    properties: dict[str, Any] = dict(whole.get("properties", {}))
    in_path = [name for name in properties if f"{{{name}}}" in spec.path]
    statuses = {error.status for error in spec.errors}
    if in_path:
        statuses.add(ObjectNotFound.status)
    answers |= {str(status): _answer(_DETAIL, _SAID[status]) for status in sorted(statuses)}
    parts: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": properties.pop(name)}
            for name in in_path
        ]
    }
    if spec.method in {"GET", "DELETE"}:
        parts["parameters"] += _queries(kind, properties)
    elif properties:
        parts["requestBody"] = _body(kind, properties)
    if spec.access == "write":
        parts["parameters"].append(_KEYED)
    return _described(spec.id, kind.__doc__ or "", answers, parts)


def _queries(kind: type[Operation], properties: dict[str, Any]) -> list[dict[str, Any]]:
    required = _required(kind)
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in properties.items()
    ]


def _body(kind: type[Operation], properties: dict[str, Any]) -> dict[str, Any]:
    required = [name for name in properties if name in _required(kind)]
    if kind.spec.body is not None:
        return {"required": True, "content": {_JSON: {"schema": properties[kind.spec.body]}}}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {_JSON: {"schema": schema}}}


def _required(kind: type[Operation]) -> set[str]:
    return {field.encode_name for field in structs.fields(kind) if field.required}


def _answer(schema: Any, text: str = "Done.", media: str = _JSON) -> dict[str, Any]:
    if schema is None:
        return {"description": text}
    return {"description": text, "content": {media: {"schema": schema}}}


def _described(
    name: str, text: str, answers: dict[str, Any], parts: dict[str, Any]
) -> dict[str, Any]:
    """Return a route; `answers` is one answer with status 200, or several by status."""
    several = answers if "description" not in answers else {"200": answers}
    noun = name.partition(".")[0]
    return {"operationId": name, "tags": [noun], "summary": text.partition("\n")[0], **parts} | {
        "responses": dict(sorted(several.items()))
    }


def _in_seconds(value: Any) -> Any:
    """Describe durations as the answers have them."""
    if isinstance(value, dict):
        schema = cast("dict[str, Any]", value)
        if schema.get("format") == "duration":
            return _SECONDS
        return {key: _in_seconds(item) for key, item in schema.items()}
    if isinstance(value, list):
        return [_in_seconds(item) for item in cast("Iterable[Any]", value)]
    return value
