"""`legato server database`, on a home that an older version made."""

import pytest

from legato._store import versions
from legato._store.versions import SCHEMA
from tests.store import older
from tests.store.test_upgrade import copies, version


@pytest.fixture
def database(home):
    home.mkdir(mode=0o700)
    older.make_sqlite(home / "legato.db")
    return home / "legato.db"


def test_reading_upgrades_a_small_database_and_says_so(database, process):
    found = process("flow", "ls", "-o", "json")
    assert (found.code, len(found.json)) == (0, 20)
    assert "was upgraded from schema 1" in found.err
    assert version(database) == SCHEMA


def test_the_command_upgrades_with_a_backup(database, legato):
    done = legato("server", "database", "upgrade", "--yes")
    assert (done.code, done.out) == (0, "")
    assert f"schema 1 to {SCHEMA}" in done.err
    assert str(database.with_name("legato.db.before-1")) in done.err
    assert (version(database), copies(database)) == (SCHEMA, ["legato.db.before-1"])
    again = legato("server", "database", "upgrade", "--yes")
    assert (again.code, again.err) == (0, f"{database} needs no upgrade.\n")


def test_a_dry_run_and_a_missing_terminal_change_nothing(database, legato, process):
    assert legato("server", "database", "upgrade", "--dry-run").code == 0
    refused = process("server", "database", "upgrade")
    assert refused.code == 2
    assert "--yes upgrades without asking" in refused.err
    assert (version(database), copies(database)) == (1, [])


def test_a_large_database_is_refused_with_the_command_that_upgrades_it(
    database, legato, monkeypatch
):
    monkeypatch.setattr(versions, "BYTES_A_SECOND", 1000)
    found = legato("flow", "ls")
    assert (found.code, found.out) == (1, "")
    assert "Run: legato server database upgrade" in found.err
    assert version(database) == 1


def test_a_home_without_a_database_needs_no_upgrade(home, legato):
    done = legato("server", "database", "upgrade")
    assert done.code == 0
    assert "no database yet" in done.err


def test_an_address_that_is_not_of_postgresql_is_named(home, legato):
    done = legato("server", "database", "upgrade", "--url", "mysql://x/y")
    assert done.code == 2
    assert "'mysql://x/y'" in done.err
    gone = legato("server", "database", "upgrade", "--url", "postgresql://127.0.0.1:1/x")
    assert gone.code == 1
    assert "could not be used" in gone.err
