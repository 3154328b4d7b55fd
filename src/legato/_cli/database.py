"""`legato server database`: upgrade."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from legato._cli.exits import Failure, Misuse
from legato._cli.groups import Noun

url_option = click.option(
    "--url", metavar="URL", help="A PostgreSQL database, postgresql://...; else that of the home."
)
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")


@click.group("database", cls=Noun)
def database() -> None:
    """Bring the database to this version of Legato."""


@database.command("upgrade")
@url_option
@yes_option
@dry_run_option
def upgrade(url: str | None, yes: bool, dry_run: bool) -> None:
    """Upgrade a database that an older version of Legato made.

    A small database of the home is upgraded by whatever opens it; this is for large ones and for
    PostgreSQL.
    """
    if url is None:
        _upgrade_home(yes, dry_run)
    else:
        _upgrade_postgres(url, yes, dry_run)


def _upgrade_home(yes: bool, dry_run: bool) -> None:
    from legato._cli.output import say
    from legato._settings.current import current
    from legato._settings.home import open_home

    path = Path(open_home(current()).database).resolve()
    if not path.exists():
        say(f"There is no database yet; {path} is made when a flow runs.")
        return
    from legato._store import upgrade as store

    found = store.outlook(path)
    if found is None:
        say(f"{path} needs no upgrade.")
        return
    say(f"{path}: {found}.")
    if not found.plan.backup:
        say("There is no room for a backup: make one elsewhere, or go on without.")
    if dry_run:
        return
    _ask(yes)
    store.by_command(path, say)


def _upgrade_postgres(url: str, yes: bool, dry_run: bool) -> None:
    from legato._cli.output import say
    from legato._store import migrate
    from legato._store.versions import SCHEMA

    if not url.startswith(("postgresql://", "postgres://")):
        raise Misuse(f"--url {url!r} is not the address of a PostgreSQL database, postgresql://...")
    found = migrate.postgres_schema(url)
    if found >= SCHEMA:
        say("The database needs no upgrade.")
        return
    say(
        f"The database: schema {found or 'none'} to {SCHEMA}. No backup is made; pg_dump makes one."
    )
    if dry_run:
        return
    _ask(yes)
    migrate.migrate_postgres(url)
    say(f"The database was upgraded to schema {SCHEMA}.")


def _ask(yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("There is no terminal to ask in; --yes upgrades without asking.")
    if not click.confirm("Upgrade it?", err=True):
        raise Failure("Nothing was upgraded.")
