"""Every condition of every filter, alone and beside another, is a query for both databases."""

from __future__ import annotations

import typing
from datetime import UTC, datetime
from enum import Enum
from types import UnionType
from uuid import UUID

import msgspec
import pytest

from legato._model import filters as f
from legato._model.flows import FlowCreate
from legato._model.operations import artifacts as a
from legato._model.operations import variables as v
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._model.operations.flows import CountFlows, CreateFlow, FilterFlows
from legato._model.operations.logs import FilterLogs
from legato._model.operations.task_runs import CountTaskRuns, FilterTaskRuns
from legato._model.variables import VariableCreate

NASTY = "?'\"$1 :x %(y)s %_/\\ --"
SOME = {
    UUID: UUID(int=5),
    str: NASTY,
    bool: True,
    int: 20,
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
}


def values(kind):
    """Values for a field of that type, an empty list among them."""
    [kind] = [part for part in typing.get_args(kind) if part is not type(None)] or [kind]
    if typing.get_origin(kind) is list:
        [item] = typing.get_args(kind)
        one = next(iter(item)) if issubclass(item, Enum) else SOME[item]
        return [[], [one], [one, one]]
    return [True, False] if kind is bool else [SOME[kind]]


def leaves(filter_type):
    """All filters of that type with one condition, or one of each kind on one field."""
    for field, kind in typing.get_type_hints(filter_type).items():
        if field == "operator":
            continue
        [leaf] = [part for part in typing.get_args(kind) if isinstance(part, type)][:1]
        if leaf is f.StateFilter:
            yield from (filter_type(**{field: nested}) for nested in leaves(leaf))
            continue
        whole = {}
        for name, inner in typing.get_type_hints(leaf).items():
            if name == "operator":
                continue
            assert isinstance(inner, UnionType) or inner is str
            for value in values(inner):
                yield filter_type(**{field: leaf(**{name: value})})
                whole[name] = value
        yield filter_type(**{field: leaf(**whole)})
        yield filter_type(**{field: leaf(**whole)}, operator=f.Operator.or_)
        if "operator" in leaf.__struct_fields__:
            yield filter_type(**{field: leaf(**whole, operator=f.Operator.or_)})


OF_RUNS = {"flows": f.FlowFilter, "flow_runs": f.FlowRunFilter, "task_runs": f.TaskRunFilter}
OPERATIONS = [
    (FilterFlows, CountFlows, OF_RUNS),
    (FilterFlowRuns, CountFlowRuns, OF_RUNS),
    (FilterTaskRuns, CountTaskRuns, OF_RUNS),
    (FilterLogs, None, {"logs": f.LogFilter}),
    (v.FilterVariables, v.CountVariables, {"variables": f.VariableFilter}),
    (a.FilterArtifacts, a.CountArtifacts, {"artifacts": f.ArtifactFilter, **OF_RUNS}),
    (
        a.FilterArtifactCollections,
        a.CountArtifactCollections,
        {"artifacts": f.ArtifactCollectionFilter, **OF_RUNS},
    ),
]


@pytest.mark.parametrize(("listing", "counting", "filters"), OPERATIONS)
def test_each_condition_is_understood(send, listing, counting, filters):
    for name, kind in filters.items():
        for given in leaves(kind):
            assert send(listing(**{name: given})) == [], given
            if counting is not None:
                assert send(counting(**{name: given})) == 0, given


@pytest.mark.parametrize(("listing", "counting", "filters"), OPERATIONS)
def test_each_order_is_understood(send, listing, counting, filters):
    for order in typing.get_type_hints(listing)["sort"]:
        assert send(listing(sort=order)) == []


def test_tags_in_a_row_are_the_same_only_with_the_same_case(send):
    send(CreateFlow(flow=FlowCreate(name="f", tags=["Nightly", NASTY])))
    send(v.CreateVariable(variable=VariableCreate(name="v", value=1, tags=["Nightly", NASTY])))
    for tags, count in (
        (["Nightly"], 1),
        (["nightly"], 0),
        (["Night"], 0),
        ([NASTY], 1),
        ([NASTY, "Nightly"], 1),
        ([NASTY, "x"], 0),
    ):
        given = msgspec.convert({"tags": {"all_": tags}}, f.FlowFilter)
        assert send(CountFlows(flows=given)) == count, tags
        given = msgspec.convert({"tags": {"all_": tags}}, f.VariableFilter)
        assert send(v.CountVariables(variables=given)) == count, tags


def test_values_are_compared_and_never_read_as_sql(send, sender):
    for name in (NASTY, NASTY.replace("_", "x"), "plain"):
        sender.start(name=name)

    def found(conditions):
        given = msgspec.convert({"name": conditions}, f.FlowRunFilter)
        return [run.name for run in send(FilterFlowRuns(flow_runs=given))]

    assert found({"any_": [NASTY]}) == [NASTY]
    assert found({"like_": NASTY[3:]}) == [NASTY]
    assert found({"like_": NASTY.upper()}) == [NASTY]
