"""The test tools under the module name that Prefect gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from legato.testing._harness import prefect_test_harness

if TYPE_CHECKING:
    from legato.client import Client
    from legato.client.schemas.objects import FlowRun

__all__ = ["get_most_recent_flow_run", "prefect_test_harness"]


async def get_most_recent_flow_run(
    client: Client | None = None, flow_name: str | None = None
) -> FlowRun:
    """Return the flow run, of that flow if one is named, that was expected to start last.

    Raises ObjectNotFound if there is none.
    """
    from legato.client import get_client
    from legato.client.schemas.filters import FlowFilter, FlowFilterName
    from legato.client.schemas.sorting import FlowRunSort
    from legato.exceptions import ObjectNotFound

    client = client or get_client()
    runs = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name])) if flow_name else None,
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=1,
    )
    if not runs:
        of = f" of a flow {flow_name!r}" if flow_name else ""
        raise ObjectNotFound(f"There is no flow run{of}.")
    return runs[0]
