"""`legato db`, which is `legato server database` too: size, prune, upgrade."""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from legato._cli.exits import Failure, Misuse
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option
from legato._cli.retaining import Age

if TYPE_CHECKING:
    from collections.abc import Generator

    from legato._store.port import Store

url_option = click.option(
    "--url", metavar="URL", help="A PostgreSQL database, postgresql://...; else that of the home."
)
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")


@click.group("db", cls=Noun)
def database() -> None:
    """Measure the database, delete what is old, bring it to this version of Legato."""


command = database


@database.command("size")
@url_option
@click.option("--tables", is_flag=True, help="Tell of each table.")
@output_option
def size(url: str | None, tables: bool, output: Output) -> None:
    """Show how large the database is, by kind of what is kept in it."""
    from legato._cli import database_size
    from legato._store import sizes

    if url is None:
        path = _path()
        if path is not None:
            database_size.show(str(path), sizes.of_sqlite(str(path)), output, tables)
    else:
        _check(url)
        database_size.show("PostgreSQL", sizes.of_postgres(url), output, tables)


@database.command("prune")
@url_option
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind; may be repeated."
)
@click.option(
    "--older-than",
    type=Age(),
    metavar="AGE",
    help="What is older, as in 30d or 12h; else what the settings of a server say.",
)
@yes_option
@click.option("--dry-run", is_flag=True, help="Count what would go; delete nothing.")
@output_option
def prune(
    url: str | None,
    kinds: tuple[str, ...],
    older_than: timedelta | None,
    yes: bool,
    dry_run: bool,
    output: Output,
) -> None:
    """Delete what is old, as a server does by itself.

    Flow runs go with all below them once all of that ended long ago; what goes on stays. May be
    interrupted: what has gone by then has gone, and the next time goes on.
    """
    from legato._cli import database_prune

    asked = database_prune.asked(kinds, older_than)
    with _opened(url) as store:
        if store is None:
            return
        if not dry_run:
            database_prune.tell(asked)
            _ask(yes, "Delete that?", "Nothing was deleted.", "deletes")
        database_prune.carry_out(store, asked, dry_run, output)


@contextmanager
def _opened(url: str | None) -> Generator[Store | None]:
    """Open the database; None: the home has none yet."""
    if url is not None:
        from legato._store.postgres import PostgresStore

        _check(url)
        with closing(PostgresStore(url)) as store:
            yield store
        return
    from legato._backend.current import embedded

    yield None if _path() is None else embedded().store


def _path() -> Path | None:
    """Return where the home's database is; say so if there is none."""
    from legato._cli.output import say
    from legato._settings.current import current
    from legato._settings.home import open_home

    path = Path(open_home(current()).database).resolve()
    if path.exists():
        return path
    say(f"There is no database yet; {path} is made when a flow runs.")
    return None


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
    from legato._store import upgrade as store

    path = _path()
    if path is None:
        return

    found = store.outlook(path)
    if found is None:
        say(f"{path} needs no upgrade.")
        return
    say(f"{path}: {found}.")
    if not found.plan.backup:
        say("There is no room for a backup: make one elsewhere, or go on without.")
    if dry_run:
        return
    _ask(yes, "Upgrade it?", "Nothing was upgraded.", "upgrades")
    store.by_command(path, say)


def _upgrade_postgres(url: str, yes: bool, dry_run: bool) -> None:
    from legato._cli.output import say
    from legato._store import migrate
    from legato._store.versions import SCHEMA

    _check(url)
    found = migrate.postgres_schema(url)
    if found >= SCHEMA:
        say("The database needs no upgrade.")
        return
    say(
        f"The database: schema {found or 'none'} to {SCHEMA}. No backup is made; pg_dump makes one."
    )
    if dry_run:
        return
    _ask(yes, "Upgrade it?", "Nothing was upgraded.", "upgrades")
    migrate.migrate_postgres(url)
    say(f"The database was upgraded to schema {SCHEMA}.")


def _check(url: str) -> None:
    if not url.startswith(("postgresql://", "postgres://")):
        raise Misuse(f"--url {url!r} is not the address of a PostgreSQL database, postgresql://...")


def _ask(yes: bool, question: str, refused: str, does: str) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"There is no terminal to ask in; --yes {does} without asking.")
    if not click.confirm(question, err=True):
        raise Failure(refused)
