"""Values of parameters as forms send them: held against a schema, and with what they name."""

from __future__ import annotations

import pytest

KIND = "__prefect_kind"
SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "items": {"type": "array", "items": {"type": "integer"}},
        "inner": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    },
    "required": ["n"],
}
A_NUMBER = {KIND: "workspace_variable", "variable_name": "number"}


@pytest.fixture
def validate(api):
    api.post("/variables/", json={"name": "number", "value": 5})
    api.post("/variables/", json={"name": "text", "value": "5"})

    def validated(values, schema=SCHEMA):
        return api.post("/ui/schemas/validate", json={"schema": schema, "values": values})

    return validated


def test_faults_are_told_where_they_are(validate):
    found = validate({"n": "x", "items": [1, "a", None], "inner": {}}).json()
    assert not found["valid"]
    n, items, inner = found["errors"]
    assert n == {"property": "n", "errors": ["'x' is no integer"]}
    assert items["property"] == "items"
    assert [error["index"] for error in items["errors"]] == [1, 2]
    assert inner["errors"] == [{"property": "a", "errors": ["it is required"]}]
    assert validate([1]).status_code == 422
    assert validate({}, {"$ref": "#/definitions/Missing"}).status_code == 422


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (1, None),
        (None, "None is no integer"),
        (A_NUMBER, None),
        ({KIND: "workspace_variable", "variable_name": "text"}, "'5' is no integer"),
        ({KIND: "workspace_variable", "variable_name": "gone"}, "There is no variable 'gone'"),
        ({KIND: "workspace_variable"}, "it is required"),
        ({KIND: "json", "value": " 3"}, None),
        ({KIND: "json", "value": "{"}, "This is no JSON"),
        ({KIND: "json", "value": "[" * 200 + "]" * 200}, "It has more than"),
        ({KIND: "json", "value": A_NUMBER}, None),
        ({KIND: "json"}, "it is required"),
        ({KIND: "jinja", "template": "{{ later }}"}, None),
        ({KIND: "jinja"}, "The kind 'jinja' needs a template"),
        ({KIND: "none", "value": A_NUMBER}, None),
        ({KIND: "none"}, "The kind 'none' needs a value"),
        ({KIND: "unheard of", "value": 4}, None),
    ],
)
def test_values_may_say_where_they_come_from(validate, given, said):
    found = validate({"n": given}).json()
    assert found["valid"] == (said is None)
    if said is not None:
        ((text,),) = [error["errors"] for error in found["errors"]]
        assert text.startswith(said)


def test_null_stands_for_what_may_be_left_out(validate):
    assert validate({"n": 1, "items": None}).json() == {"errors": [], "valid": True}
    assert not validate({"n": 1, "items": [None]}).json()["valid"]


def test_a_schema_that_doubles_with_each_level_is_given_up(validate):
    parts = {f"D{n}": {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 2} for n in range(40)}
    answer = validate({}, {"$defs": {**parts, "D40": {}}, "$ref": "#/$defs/D0"})
    assert answer.status_code == 422
    assert "too often" in answer.json()["exception_detail"][0]["msg"]


@pytest.fixture
def deployed(api, validate):
    flow_id = api.post("/flows/", json={"name": "etl"}).json()["id"]
    own = {"n": A_NUMBER, "items": [1, {KIND: "json"}, 2]}
    body = {"name": "daily", "flow_id": flow_id, "parameters": own}
    made = api.post("/deployments/", json={**body, "parameter_openapi_schema": SCHEMA}).json()
    return f"/deployments/{made['id']}"


def test_runs_begin_with_what_is_named_when_they_are_made(api, deployed):
    assert api.get(deployed).json()["parameters"]["n"] == A_NUMBER
    create = f"{deployed}/create_flow_run"
    assert api.post(create, json={}).json()["parameters"] == {"n": 5, "items": [1, 2]}
    api.patch("/variables/name/number", json={"value": 6})
    given = {"parameters": {"inner": {KIND: "json", "value": '{"a": "b"}'}}}
    found = api.post(create, json=given).json()["parameters"]
    assert found == {"n": 6, "items": [1, 2], "inner": {"a": "b"}}


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ({KIND: "workspace_variable", "variable_name": "gone"}, 422, "parameters.n: There is no"),
        ({KIND: "jinja", "template": "{{ now }}"}, 422, "parameters.n: Templates are not"),
        ({KIND: "workspace_variable", "variable_name": "text"}, 409, "'5' is no integer"),
    ],
)
def test_no_run_is_made_of_what_cannot_be_resolved(api, deployed, value, status, said):
    answer = api.post(f"{deployed}/create_flow_run", json={"parameters": {"n": value}})
    assert answer.status_code == status
    assert said in answer.text
    assert api.post("/flow_runs/count", json={}).json() == 0
