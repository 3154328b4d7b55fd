"""`legato flow`: list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from legato._cli.groups import Noun
from legato._cli.options import Output, limit_option, output_option, tag_option

if TYPE_CHECKING:
    from legato._sdk.client.objects import Flow


@click.group("flow", cls=Noun)
def command() -> None:
    """List flows."""


@command.command("ls")
@output_option
@limit_option
@tag_option
def ls(output: Output, limit: int, tags: tuple[str, ...]) -> None:
    """List flows, newest first."""
    from legato._cli import listing, times
    from legato._model import filters as f
    from legato._sdk.client import get_client

    condition = f.FlowFilter(tags=listing.with_tags(tags))
    with get_client(sync_client=True) as client:

        def read(limit: int, offset: int) -> list[Flow]:
            return client.read_flows(
                flow_filter=condition, sort=f.FlowSort.CREATED_DESC, limit=limit, offset=offset
            )

        flows = listing.first(read, limit, "flows")
    if not flows:
        listing.say_none("flows", bool(tags))
    plain = [flow.model_dump(mode="json") for flow in flows]
    listing.show(
        output,
        plain,
        ("NAME", "CREATED", "ID"),
        lambda: [(flow.name, times.moment(flow.created), str(flow.id)) for flow in flows],
    )
