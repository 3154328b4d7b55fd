"""`legato event`."""

import pytest

from legato import get_client
from legato.events.filters import EventFilter

ID = "prefect.resource.id"


@pytest.fixture
def kept(home):
    def read():
        with get_client(sync_client=True) as client:
            return client.read_events(EventFilter(event={"prefix": ["order."]}, order="ASC")).events

    return read


def test_an_event_is_emitted(legato, kept):
    buyer = f'[{{"{ID}": "shop.customer.5", "prefect.resource.role": "buyer"}}]'
    said = ("--related", buyer, "-p", '{"total": 12}', "-r", "team=a=b")
    emitted = legato("event", "emit", "order.paid", "--resource-id", "shop.7", *said, "-o", "json")
    assert (emitted.code, emitted.err) == (0, "")
    [found] = kept()
    assert str(found.id) == emitted.json["id"]
    assert (found.event, found.payload) == ("order.paid", {"total": 12})
    assert found.resource == {ID: "shop.7", "team": "a=b"}
    assert found.resource_in_role["buyer"].id == "shop.customer.5"


def test_labels_may_be_json(legato, kept):
    done = legato(
        "events", "emit", "order.sent", "--resource", f'{{"{ID}": "shop.8", "team": "c"}}'
    )
    assert (done.code, done.out) == (0, "")
    [found] = kept()
    assert found.resource == {ID: "shop.8", "team": "c"}
    assert str(found.id) in done.err


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["x"], "--resource-id"),
        (["x", "-r", "a"], "'a' is neither KEY=VALUE"),
        (["x", "-r", "[1"], "'[1' is neither"),
        (["x", "-r", "{1"], "is no JSON"),
        (["x", "-r", f"{ID}=a", "-p", "[1]"], "--payload '[1]' is no JSON object"),
        (["x", "-r", f"{ID}=a", "--related", "[1]"], "--related: 1 is no JSON object"),
        (["x", "-r", f"{ID}=a", "--related", f'{{"{ID}": "b"}}'], "prefect.resource.role"),
        (["", "-r", f"{ID}=a"], "1 to 1024 characters"),
        (["x", "-r", f'{{"{ID}": 1}}'], "resource"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(home, legato, kept, args, hint):
    refused = legato("event", "emit", *args)
    assert (refused.code, refused.out) == (2, "")
    assert hint in refused.err
    assert kept() == []


def test_a_file_that_cannot_be_written(home, legato, tmp_path):
    refused = legato("event", "stream", "--output-file", tmp_path / "no" / "file")
    assert (refused.code, "cannot be written" in refused.err) == (1, True)
