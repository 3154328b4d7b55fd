"""Which values a JSON schema lets pass."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a+)+$", "a" * 60 + "!"),
        (r"(a|a)*$", "a" * 60 + "!"),
        (r"(a?){60}a{60}$", "a" * 60 + "!"),
        (r".*.*.*.*.*=$", "x" * 5000),
        ("a" * 1_000_000, "b"),
    ],
)
def test_a_pattern_that_could_go_on_for_ever_is_not_tried(pattern, text):
    assert problems(text, {"pattern": pattern}) == []


@pytest.mark.parametrize("pattern", [r"^[A-Z]{3}-\d+$", r"^(red|green)$", r"^[^@]+@[^@]+\.[a-z]+$"])
def test_patterns_of_every_day_are_tried(pattern):
    assert len(problems("nothing of these", {"pattern": pattern})) == 1


_WORDS = (
    *("a", "type", "properties", "items", "enum", "const", "pattern", "minLength", "maximum"),
    *("$ref", "$defs", "anyOf", "allOf", "required", "prefixItems", "minItems"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, database=None)
@given(_JSON, _JSON)
def test_a_schema_that_is_none_is_a_value_error(value, schema):
    with suppress(ValueError):
        problems(value, schema)
