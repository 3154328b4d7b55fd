"""Which events a filter asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from legato._model.event_filters import EventFilter, includes
from legato._model.events import Event
from legato._model.text_search import parsed

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = Event(
    id=UUID(int=7),
    occurred=AT,
    event="shop.order.paid",
    resource={"prefect.resource.id": "shop.order.1", "state": "Failed", "note": "a\nb"},
    related=[
        {"prefect.resource.id": "shop.customer.5", "prefect.resource.role": "buyer", "vip": "yes"},
        {"prefect.resource.id": "shop.customer.6", "prefect.resource.role": "seller"},
    ],
    payload={"amount": 12, "words": "thank you"},
    received=AT,
)

EMPTY = {
    "id": {"id": []},
    "event": {"name": [], "prefix": [], "exclude_name": [], "exclude_prefix": []},
    "resource": {"id": [], "id_prefix": [], "labels": {}},
    "related": [{"id": [], "role": [], "resources_in_roles": []}],
    "any_resource": {"id": [], "id_prefix": []},
}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, True),
        ({"occurred": {"since": AT, "until": AT}}, True),
        ({"occurred": {"since": AT + timedelta(microseconds=1)}}, False),
        ({"occurred": {"until": AT - timedelta(microseconds=1)}}, False),
        ({"id": {"id": [str(UUID(int=7))]}}, True),
        ({"id": {"id": [str(UUID(int=8))]}}, False),
        (EMPTY, True),
        ({"event": {"prefix": ["x.", "shop."]}}, True),
        ({"event": {"prefix": ["shop."], "exclude_prefix": ["shop.order"]}}, False),
        ({"event": {"name": ["shop.order"]}}, False),
        ({"event": {"exclude_name": ["shop.order.paid"]}}, False),
        ({"resource": {"id": ["shop.order.1"]}}, True),
        ({"resource": {"id_prefix": ["shop.customer"]}}, False),
        ({"resource": {"labels": {"state": "Failed"}}}, True),
        ({"resource": {"labels": {"state": ["Late", "F*d"], "note": "a*b"}}}, True),
        ({"resource": {"labels": {"state": "F.*"}}}, False),
        ({"resource": {"labels": {"state": "!Failed"}}}, False),
        ({"resource": {"labels": {"state": "!Late"}}}, True),
        ({"resource": {"labels": {"color": "!red"}}}, False),
        ({"related": {"id": ["shop.customer.5"], "role": ["buyer"]}}, True),
        ({"related": {"id": ["shop.customer.5"], "role": ["seller"]}}, False),
        ({"related": {"resources_in_roles": [["shop.customer.6", "seller"]]}}, True),
        ({"related": {"resources_in_roles": [["shop.customer.6", "buyer"]]}}, False),
        ({"related": [{"role": ["buyer"]}, {"role": ["seller"]}]}, True),
        ({"related": [{"role": ["buyer"]}, {"role": ["judge"]}]}, False),
        ({"related": {"labels": {"vip": "*"}, "role": ["seller"]}}, False),
        ({"any_resource": {"id_prefix": ["shop.customer.6"]}}, True),
        ({"any_resource": [{"id": ["shop.order.1"]}, {"labels": {"vip": "no"}}]}, False),
        ({"text": {"query": 'nothing "THANK you"'}}, True),
        ({"text": {"query": "+paid +refunded"}}, False),
        ({"text": {"query": "paid -thank"}}, False),
    ],
)
def test_an_event_is_told_from_others(given, wanted):
    assert includes(msgspec.convert(given, EventFilter), EVENT) is wanted


def test_an_unknown_condition_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"event": {"like": "x"}}, EventFilter)


@pytest.mark.parametrize("query", ["", "  ", '"', '-""'])
def test_a_search_for_nothing_finds_everything(query):
    assert parsed(query).finds("anything")
