"""Options that several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

Output = Literal["table", "json"]
F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_LIMIT = 20

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    help="A table for people, or JSON on stdout.",
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="How many at most.",
)
state_option = click.option(
    "--state",
    "--state-type",
    "states",
    multiple=True,
    metavar="STATE",
    help="Only in this state, by name or type.",
)
flow_option = click.option(
    "--flow",
    "--flow-name",
    "flows",
    multiple=True,
    metavar="NAME",
    help="Only of the flow of this name.",
)
tag_option = click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag; several: with all."
)


def listing_options(function: F) -> F:
    """Add what every list of runs can be narrowed by; several states or flows: any of them."""
    for option in (output_option, limit_option, tag_option, flow_option, state_option):
        function = option(function)
    return function
