"""Homes that cannot be used as they are."""

import sqlite3


def test_a_database_of_a_newer_version_is_refused_and_left_alone(home, process):
    assert process("flow", "ls").code == 0
    with sqlite3.connect(home / "legato.db") as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    before = (home / "legato.db").read_bytes()
    found = process("flow-run", "ls", "-o", "json")
    assert (found.code, found.out) == (1, "")
    assert "newer version of Legato" in found.err
    assert "Traceback" not in found.err
    assert (home / "legato.db").read_bytes() == before


def test_a_home_that_cannot_be_made_has_a_stand_in(tmp_path, process):
    (tmp_path / "file").touch()
    found = process("flow-run", "ls", "-o", "json", LEGATO_HOME=str(tmp_path / "file" / "home"))
    assert found.code == 0
    assert found.out.strip().startswith("[")
    assert "cannot be used" in found.err
