"""Variables: set, get, unset; names and sizes; what is refused."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from legato import flow, get_client, task
from legato.client.schemas.filters import VariableFilter
from legato.exceptions import ObjectAlreadyExists, ObjectNotFound, ValidationError
from legato.variables import Variable


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


@pytest.mark.parametrize("value", ["x", "", 1, 2.5, True, None, [1, "a", None], {"k": {"d": [1]}}])
def test_a_value_comes_back_as_it_was(value):
    made = Variable.set("name", value)
    assert (made.name, made.value, Variable.get("name")) == ("name", value, value)
    assert type(Variable.get("name", default=3)) is type(value)


def test_a_variable_is_replaced_only_on_purpose(client):
    Variable.set("name", 1, tags=["a"])
    with pytest.raises(ValueError, match=r"already exists. Use `overwrite=True`"):
        Variable.set("name", 2)
    with pytest.raises(ObjectAlreadyExists):
        Variable.set("name", 2)
    assert Variable.set("name", 2, overwrite=True).value == 2
    found = client.read_variable_by_name("name")
    assert (found.value, found.tags) == (2, [])
    assert found.updated > found.created


def test_unset_says_whether_there_was_one():
    Variable.set("name", 1)
    assert Variable.unset("name") is True
    assert Variable.unset("name") is False
    assert Variable.get("name") is None
    assert Variable.get("name", "else") == "else"


def test_the_async_twins():
    async def use():
        assert (await Variable.aset("name", 1)).value == 1
        with pytest.raises(ValueError, match="overwrite"):
            await Variable.aset("name", 2)
        await Variable.aset("name", 2, overwrite=True)
        found = await Variable.aget("name"), await Variable.aget("none", 3)
        return found, await Variable.aunset("name"), await Variable.aunset("name")

    assert asyncio.run(use()) == ((2, 3), True, False)


def test_runs_share_variables():
    @task
    def count():
        Variable.set("count", Variable.get("count", 0) + 1, overwrite=True)

    @flow
    def work():
        for _ in range(3):
            count()
        return Variable.get("count")

    assert work() == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Upper", "lowercase"), ("a b", "lowercase"), ("a.b", "lowercase"), ("ä", "lowercase"),
        ("", "not empty"), ("x" * 256, "at most 255"), (3, "no text"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused(name, message):
    with pytest.raises(ValidationError, match=f"name: .*{message}"):
        Variable.set(name, 1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "object is nothing that JSON has"),
        ((1, 2), "tuple is nothing that JSON has"),
        ([datetime(2026, 1, 1)], "not JSON serializable"),  # noqa: DTZ001 - it is refused
        ({"x": float("nan")}, "not JSON compliant"),
        ("x" * 5000, "at most 5000 characters"),
    ],
)
def test_a_value_that_json_has_not_is_refused(value, message):
    with pytest.raises(ValidationError, match=f"value: .*{message}"):
        Variable.set("name", value)
    assert Variable.get("name") is None


def test_the_client_lists_changes_and_deletes(client):
    for name in ("b", "a", "ab"):
        client.create_variable({"name": name, "value": name, "tags": ["t", name]})
    assert [v.name for v in client.read_variables()] == ["a", "ab", "b"]
    assert [v.name for v in client.read_variables(limit=2)] == ["a", "ab"]
    for condition, names in (
        ({"name": {"like_": "A"}}, ["a", "ab"]),
        ({"name": {"any_": ["b"]}}, ["b"]),
        ({"tags": {"all_": ["t", "ab"]}}, ["ab"]),
        ({"tags": {"is_null_": True}}, []),
    ):
        found = client.read_variables(variable_filter=VariableFilter(**condition))
        assert [v.name for v in found] == names
    with pytest.raises(ObjectAlreadyExists, match="'a'"):
        client.create_variable({"name": "a", "value": 1})
    client.update_variable({"name": "a", "value": [2]})
    assert (client.read_variable_by_name("a").value, client.read_variable_by_name("c")) == (
        [2],
        None,
    )
    client.delete_variable_by_name("a")
    for missing in (
        lambda: client.delete_variable_by_name("a"),
        lambda: client.update_variable({"name": "a", "value": 1}),
    ):
        with pytest.raises(ObjectNotFound, match="'a'"):
            missing()
    assert client.request("POST", "/variables/count").json() == 2
