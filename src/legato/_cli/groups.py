"""A group of commands that says which command may have been meant."""

from __future__ import annotations

import click

from legato._cli.exits import nearest


class Noun(click.Group):
    """The commands of one noun."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            ctx.fail(f"There is no command {name!r}{nearest(name, known)}")
        return super().resolve_command(ctx, args)
