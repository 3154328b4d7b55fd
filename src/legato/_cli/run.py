"""`legato run`: run a flow of a file, here and now."""

from __future__ import annotations

import click


@click.command("run")
@click.argument("target", metavar="FILE[:FLOW]")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter: JSON, or else text. The flow coerces it.",
)
@click.option("--print-result", is_flag=True, help="Print what the flow returns, as JSON.")
@click.pass_context
def command(ctx: click.Context, target: str, params: tuple[str, ...], print_result: bool) -> None:
    """Run a flow of a Python file, here and now.

    Exit status: 0 Completed, 1 Failed or Crashed, 2 wrong usage,
    3 not all could be recorded, 4 Cancelled, 130 Ctrl-C, 143 SIGTERM.
    """
    from legato._cli import running
    from legato._cli.arguments import arguments
    from legato._cli.loading import find_flow
    from legato._sdk.scripts import BrokenFile

    try:
        flow = find_flow(target)
    except BrokenFile as broken:
        ctx.exit(running.report_broken(broken))
    args, kwargs = arguments(flow, params)
    ctx.exit(running.run(flow, args, kwargs, print_result))
