"""Times that name no zone, which are UTC on a home as at a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from legato import flow, get_client
from legato.client.schemas.filters import FlowRunFilter, FlowRunFilterStartTime
from legato.states import Scheduled
from tests.api.conftest import PLACES


@pytest.fixture(params=PLACES)
def place(request):
    return request.param


@flow
def etl() -> None: ...


def test_times_without_a_zone_are_utc(place):
    etl()
    now = datetime.now(UTC).replace(tzinfo=None)
    with get_client(sync_client=True) as client:
        for since, count in ((now - timedelta(minutes=1), 1), (now, 0)):
            asked = FlowRunFilter(start_time=FlowRunFilterStartTime(after_=since))
            assert len(client.read_flow_runs(flow_run_filter=asked)) == count
            assert asked.start_time.after_ == since  # the caller's own is left as it is
        then = datetime(2030, 1, 1, tzinfo=UTC)
        state = Scheduled(scheduled_time=then.replace(tzinfo=None))
        assert client.create_flow_run(etl, state=state).expected_start_time == then
