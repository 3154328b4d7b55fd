"""Which values a JSON schema lets pass."""

from __future__ import annotations

import pytest

from legato._model.json_schema import problems

NEXT = {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
TREE = {
    "$defs": {"Node": {"type": "object", "properties": {"next": NEXT}}},
    "$ref": "#/$defs/Node",
}


@pytest.mark.parametrize(
    ("schema", "good", "bad", "said"),
    [
        ({"type": "integer"}, 1, True, "value: True is no integer"),
        ({"type": "integer"}, 2.0, 2.5, "value: 2.5 is no integer"),
        ({"type": ["string", "null"]}, None, 1, "value: 1 is no string or null"),
        ({"type": "number", "exclusiveMinimum": 0}, 0.5, 0, "value: 0 is not more than 0"),
        ({"minimum": 1, "maximum": 3}, 3, 4, "value: 4 is more than 3"),
        ({"enum": ["a", "b"]}, "a", "c", "value: 'c' is none of 'a', 'b'"),
        ({"const": 1}, 1, 2, "value: 2 is not 1"),
        ({"pattern": "^a+$"}, "aa", "b", "value: 'b' does not match ^a+$"),
        ({"minLength": 2}, "ab", "a", "value: it is shorter than 2"),
        ({"items": {"type": "string"}}, ["a"], ["a", 1], "1: 1 is no string"),
        ({"prefixItems": [{"type": "null"}]}, [None, 1], [1], "0: 1 is no null"),
        ({"required": ["a"]}, {"a": 1}, {}, "a: it is required"),
        ({"additionalProperties": False}, {}, {"a": 1}, "a: there is no such field"),
        ({"properties": {"a": {"type": "null"}}}, {"b": 1}, {"a": 1}, "a: 1 is no null"),
        ({"anyOf": [{"type": "null"}, {"minimum": 2}]}, 3, 1, "value: 1 is no null"),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 1, 2, "value: 2 fits 2 of what"),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 1, 3, "value: 3 is more than 2"),
        (TREE, {"next": {"next": None}}, {"next": {"next": 1}}, "next.next: 1 is no object"),
    ],
)
def test_what_passes(schema, good, bad, said):
    assert problems(good, schema) == []
    (fault,) = problems(bad, schema)
    assert fault.startswith(said)


def test_all_faults_are_told():
    schema = {"properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "required": ["c"]}
    assert len(problems({"a": 1, "b": 2}, schema)) == 3


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/no"}, {"$ref": "http://x/y"}])
def test_a_schema_that_cannot_be_used(schema):
    with pytest.raises(ValueError, match="The schema"):
        problems(1, schema)
