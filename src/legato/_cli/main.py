"""The command `legato`: a group that loads a noun's module when the noun is used."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from legato._cli.commands import COMMANDS
from legato._cli.exits import FAILED, INTERRUPTED, USAGE
from legato._cli.groups import Noun

_PROFILE = "LEGATO_PROFILE"


class Root(Noun):
    """Lists its commands out of a table; their modules are not loaded for that."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # As in Prefect `flow-runs` is `flow-run`.
        entry = COMMANDS.get(cmd_name) or COMMANDS.get(cmd_name.removesuffix("s"))
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from legato._cli.version import line

        click.echo(line())
        ctx.exit()


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.option("--profile", metavar="NAME", help="Have the settings of this profile hold.")
@click.pass_context
def root(ctx: click.Context, profile: str | None) -> None:
    """Run flows, and look at what was recorded of them."""
    if profile is not None:
        _hold(ctx, profile)
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        ctx.color = False


def _hold(ctx: click.Context, profile: str) -> None:
    """Have a profile hold here and in what this command starts, for as long as it lasts."""
    from legato._settings import current

    before = os.environ.get(_PROFILE)

    def restore() -> None:
        if before is None:
            del os.environ[_PROFILE]
        else:
            os.environ[_PROFILE] = before
        current.forget()

    os.environ[_PROFILE] = profile
    current.forget()
    ctx.call_on_close(restore)


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line; return the exit status. Messages go to stderr."""
    try:
        code: Any = root.main(args, prog_name="legato", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # what click makes of Ctrl-C, also at a question
        return INTERRUPTED
    except Exception as error:
        from legato._model.errors import Error, SettingsError

        if not isinstance(error, Error):
            raise
        click.echo(f"Error: {error}", err=True)
        return USAGE if isinstance(error, SettingsError) else FAILED
    return code if isinstance(code, int) else 0
