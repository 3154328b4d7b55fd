"""The table of operations: each says enough of itself to make a route, a call and a document."""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from importlib import import_module
from inspect import signature
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from msgspec import structs

from legato._control.registry import follower_of, handler_of
from legato._model import operations
from legato._model.operations.spec import Operation
from legato._model.operations.table import OPERATIONS

SCALARS = {UUID, str, int, bool, float, datetime | None}


def is_scalar(kind):
    return kind in SCALARS or issubclass(kind, Enum)


def parameters(path):
    return re.findall(r"{(\w+)}", path)


def test_ids_and_places_are_unique():
    ids = [operation.spec.id for operation in OPERATIONS]
    places = [
        (operation.spec.method, re.sub(r"{\w+}", "{}", operation.spec.path.rstrip("/")))
        for operation in OPERATIONS
    ]
    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)


def below(kind):
    return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))


def test_the_table_lists_every_operation():
    for path in Path(operations.__file__).parent.glob("[a-z]*.py"):
        import_module(f"{operations.__name__}.{path.stem}")
    assert {kind for kind in below(Operation) if hasattr(kind, "spec")} == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.spec.id)
def test_an_operation_is_well_formed(operation):
    spec = operation.spec
    fields = {field.name: field for field in structs.fields(operation)}
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", spec.id)
    assert spec.path.startswith("/")
    assert operation.__doc__.endswith(".")
    assert set(parameters(spec.path)) <= set(fields)
    assert all(is_scalar(fields[name].type) for name in parameters(spec.path))
    others = set(fields) - set(parameters(spec.path))
    if spec.body is not None:
        assert others == {spec.body}
    if spec.method in {"GET", "DELETE"}:
        assert spec.body is None
        assert all(fields[name].type in SCALARS for name in others)
    reads = re.search(
        r"\.(filter(_\w+)?|follow|wait|paginate|history|lateness|points|next_runs|validate|"
        r"count(_\w+)?)$",
        spec.id,
    )
    assert (spec.access == "read") == (spec.method == "GET" or reads is not None)
    assert spec.permission == f"{spec.id.split('.')[0]}:{spec.access}"
    msgspec.json.schema(operation)
    if spec.answer is not None:
        msgspec.json.schema(spec.answer)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.spec.id)
def test_an_operation_is_carried_out_by_the_function_of_its_name(operation):
    handler = follower_of(operation) or handler_of(operation)
    given = "tx" if follower_of(operation) is None else "store"
    assert list(signature(handler).parameters) == [given, "now", "request"]
    assert signature(handler).parameters["request"].annotation == operation.__name__
    assert handler.__doc__
