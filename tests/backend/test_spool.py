"""Real processes whose database cannot be used, and those that come after them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.backend.recording import count, is_sound

from legato._backend import spool
from legato._backend.embedded import EmbeddedBackend
from legato._model.errors import StoreFull
from legato._settings.current import current as settings
from legato._settings.home import open_home

FLOW = """
run = Recording(current()); say("begun")
for n in range(300): run.task(f"t-{n}")
run.end(); say("ended")
"""
COMPLETED = "select count(*) from task_run where state_type = 'COMPLETED'"
RUNS = "select count(*) from flow_run where state_type = ?"


def cli(*args):
    return subprocess.run(
        [sys.executable, "-m", "legato", *args], capture_output=True, text=True, check=False
    )


def backend():
    return EmbeddedBackend(open_home(settings()))


def spools(home):
    return sorted(path.name for path in (home / "spool").glob("*.db*"))


def spool_a_run(script, home, code=FLOW):
    """Run a flow whose database's place is taken by a folder; give the place free again."""
    (home / "legato.db").mkdir()
    process = script(code)
    out, err = process.communicate(timeout=60)
    (home / "legato.db").rmdir()
    return process.returncode, out, err


def replaced_by_a_folder(home):
    (home / "legato.db").rename(home / "aside")
    (home / "legato.db").mkdir()

    def repair():
        (home / "legato.db").rmdir()
        (home / "aside").rename(home / "legato.db")

    return repair


def of_a_newer_version(home):
    def write(version):
        with closing(sqlite3.connect(home / "legato.db")) as connection:
            connection.execute(f"pragma user_version = {version}")

    write(99)
    return lambda: write(1)


def held_by_another_program(home):
    connection = sqlite3.connect(home / "legato.db", isolation_level=None)
    connection.execute("begin immediate")
    return connection.close


@pytest.mark.parametrize(
    "outage", [replaced_by_a_folder, of_a_newer_version, held_by_another_program]
)
def test_a_run_without_a_database_is_listed_as_completed_later(script, home, monkeypatch, outage):
    """The process ends with its own status; nothing is there twice."""
    monkeypatch.setenv("LEGATO_SPOOL_EXIT_SECONDS", "0")
    assert backend().store.read(lambda tx: tx.rows("meta.read", {}))
    repair = outage(home)
    process = script(FLOW)
    out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (0, "begun\nended\n"), err
    [name] = spools(home)
    first, last = err.splitlines()
    assert first.startswith(f"legato: runs are not recorded in {home}/legato.db: ")
    assert first.endswith(f" The records wait in {home}/spool/{name}. The program goes on.")
    assert last == (
        f"legato: 903 records wait in {home}/spool/{name}; the next process that opens the home "
        "delivers them, or `legato spool send`."
    )
    repair()
    listed = cli("flow-run", "ls", "-o", "json")
    if spools(home):  # the budget was too small on a busy machine
        assert cli("spool", "send").returncode == 0
        listed = cli("flow-run", "ls", "-o", "json")
    [run] = json.loads(listed.stdout)
    assert run["state_name"] == "Completed"
    assert count(home, COMPLETED) == 300
    assert count(home, "select count(*) from task_run_state") == 900
    assert count(home, "select count(*) from quarantine") == 0
    assert spools(home) == []
    assert is_sound(home)


def test_a_name_that_a_future_gave_is_delivered_with_the_rest(script, home):
    code = """
from legato import flow, task
@task
def load(n): return n
@task(task_run_name="use-{x}")
def use(x): return x
@flow
def job(): use.submit(load.submit(1)).result()
job()
"""
    assert spool_a_run(script, home, code)[0] == 0
    assert cli("spool", "send").returncode == 0
    assert count(home, COMPLETED) == 2
    assert count(home, "select count(*) from task_run where name = 'use-1'") == 1
    assert count(home, "select count(*) from quarantine") == 0


def test_a_process_delivers_its_own_spool_when_the_database_works_again(script, home):
    (home / "legato.db").mkdir()
    code = """
run = Recording(current())
for n in range(100): run.task(f"t-{n}")
current().journal.flush(); say("spooled"); sys.stdin.readline()
current().journal._outage.retry_now()
run.end(); say("ended")
"""
    process = script(code)
    assert process.stdout.readline() == "spooled\n"
    assert len(json.loads(cli("spool", "ls", "-o", "json").stdout)) == 1
    (home / "legato.db").rmdir()
    out, err = process.communicate("go on\n", timeout=60)
    assert (process.returncode, out) == (0, "ended\n"), err
    assert "again; nothing was lost" in err
    assert spools(home) == []
    assert count(home, COMPLETED) == 100
    assert count(home, RUNS, "COMPLETED") == 1
    assert is_sound(home)


def test_the_spool_of_a_living_process_is_left_alone(script, home):
    (home / "legato.db").mkdir()
    process = script("run = Recording(current()); say('spooled'); sys.stdin.read()")
    assert process.stdout.readline() == "spooled\n"
    (home / "legato.db").rmdir()
    [seen] = backend().send_spool()
    assert (seen.status, len(spools(home)) > 0) == (spool.IN_USE, True)
    listed = cli("flow-run", "ls")
    assert "1 file waits in the spool" in listed.stderr
    process.kill()
    process.wait()
    [seen] = backend().send_spool()
    assert (seen.status, seen.records) == (spool.DELIVERED, 2)
    assert count(home, RUNS, "CRASHED") == 1  # what it left open is closed as ever
    assert is_sound(home)


POINTS = [
    *(f"spool.{name}=kill:{hit}" for name in ("before_put", "before_commit") for hit in (1, 2, 5)),
    "spool.made=kill",
    *(f"spool.after_put=kill:{hit}" for hit in (1, 2, 4)),
]


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_while_records_are_spooled_leaves_a_sound_history(script, home, monkeypatch, point):
    monkeypatch.setenv("LEGATO_FAILPOINTS", point)
    status, out, _ = spool_a_run(script, home, "for _ in range(3):" + FLOW.replace("\n", "\n  "))
    monkeypatch.delenv("LEGATO_FAILPOINTS")
    assert status == -signal.SIGKILL
    backend().send_spool()
    assert spools(home) == []
    assert count(home, "select count(*) from flow_run") >= out.count("begun")
    assert count(home, RUNS, "COMPLETED") >= out.count("ended")
    assert count(home, "select count(*) from flow_run where end_at is null") == 0
    assert count(home, "select count(*) from task_run where end_at is null") == 0
    assert count(home, "select count(*) from quarantine") == 0
    assert is_sound(home)


@pytest.mark.chaos
@pytest.mark.parametrize(
    "point",
    [
        "spool.delivered=kill:1",
        "spool.delivered=kill:2",
        "spool.before_remove=kill",
        "spool.after_remove=kill",
        "spool.before_discard=kill",
    ],
)
def test_a_kill_while_they_are_delivered_doubles_nothing(script, home, monkeypatch, point):
    assert spool_a_run(script, home)[0] == 0
    monkeypatch.setenv("LEGATO_FAILPOINTS", point)
    assert cli("spool", "send").returncode == -signal.SIGKILL
    monkeypatch.delenv("LEGATO_FAILPOINTS")
    assert cli("spool", "send").returncode == 0
    assert spools(home) == []
    assert count(home, COMPLETED) == 300
    assert count(home, "select count(*) from task_run_state") == 900
    assert count(home, RUNS, "COMPLETED") == 1
    assert is_sound(home)


def test_two_that_deliver_at_once_deliver_everything_once(script, home):
    for _ in range(4):
        assert spool_a_run(script, home)[0] == 0
    found = []
    threads = [threading.Thread(target=lambda: found.append(cli("spool", "send"))) for _ in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in found] == [0, 0, 0], found
    assert spools(home) == []
    assert count(home, RUNS, "COMPLETED") == 4
    assert count(home, COMPLETED) == 1200
    assert count(home, "select count(*) from task_run_state") == 3600
    assert is_sound(home)


def test_what_a_small_budget_leaves_keeps_its_writer_from_being_crashed(script, home, monkeypatch):
    assert spool_a_run(script, home)[0] == 0
    monkeypatch.setattr(spool, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr("legato._store.spool.LIMIT", 100)
    opened = backend()
    assert opened.store
    assert [seen.status for seen in opened.heard] == [spool.WAITS]
    assert count(home, RUNS, "RUNNING") == 1
    [seen] = opened.send_spool()
    assert (seen.status, seen.records) == (spool.DELIVERED, 903)
    assert count(home, RUNS, "COMPLETED") == 1
    assert is_sound(home)


def test_the_spool_of_a_newer_version_is_left_alone_with_a_line(script, home):
    assert spool_a_run(script, home)[0] == 0
    [name] = spools(home)
    with closing(sqlite3.connect(home / "spool" / name)) as connection:
        connection.execute("pragma user_version = 99")
    done = cli("spool", "send", "-o", "json")
    assert done.returncode == 1
    assert [seen["status"] for seen in json.loads(done.stdout)] == [spool.NEWER]
    assert "newer version of Legato" in done.stderr
    assert spools(home)[0] == name


def test_what_was_begun_here_and_finished_by_another_process_is_delivered(tmp_path):
    left, gone = tmp_path / "left.db", tmp_path / "gone.db"
    left.touch()
    begun = [spool.Waiting(path=str(path), status=spool.WAITS, records=3) for path in (left, gone)]
    assert [seen.status for seen in spool.summed(begun)] == [spool.WAITS, spool.DELIVERED]


def test_a_damaged_spool_is_delivered_as_far_as_it_can_be_read(script, home):
    assert spool_a_run(script, home)[0] == 0
    path = home / "spool" / spools(home)[0]
    middle = path.stat().st_size // 2 // 4096 * 4096
    with path.open("r+b") as file:
        file.seek(middle)
        file.write(b"\xff" * 8192)
    done = cli("spool", "send", "-o", "json")
    [seen] = json.loads(done.stdout)
    assert (done.returncode, seen["status"]) == (0, spool.DELIVERED)
    assert 500 < seen["records"] < 903
    assert f"is kept as {path}.corrupt" in done.stderr
    assert Path(seen["kept_as"]).exists()
    assert count(home, RUNS, "COMPLETED") == 1


def test_a_spool_that_is_no_database_at_all_is_set_aside(script, home):
    assert spool_a_run(script, home)[0] == 0
    path = home / "spool" / spools(home)[0]
    path.write_bytes(b"This is no database. " * 1000)
    done = cli("spool", "send")
    assert done.returncode == 0, done.stderr
    assert f"is kept as {path}.corrupt" in done.stderr
    assert spools(home) == [path.name + ".corrupt"]


def test_a_home_without_a_spool_loads_nothing_of_it(script, home):
    code = "run = Recording(current()); run.end(); current().store\n"
    code += "print([name for name in sys.modules if 'spool' in name])"
    out, err = script(code).communicate(timeout=60)
    assert out == "['legato._journal.spool']\n", err
    assert sorted(os.listdir(home)) == ["legato.db", "legato.db.lock", "owners", "pruned"]


def test_a_child_that_is_forked_during_the_outage_spools_for_itself(script, home):
    code = """
run = Recording(current()); run.task("a")
child = os.fork()
if not child:
    mine = Recording(current(), "child"); mine.task("b"); mine.end()
    current().close(0); os._exit(0)
os.waitpid(child, 0)
run.task("c"); run.end()
"""
    status, _, err = spool_a_run(script, home, code)
    assert status == 0, err
    assert len(spools(home)) == 2
    backend().send_spool()
    assert count(home, RUNS, "COMPLETED") == 2
    assert count(home, COMPLETED) == 3
    assert is_sound(home)


def test_the_database_refuses_again_in_the_middle_of_a_delivery(script, home, monkeypatch):
    assert spool_a_run(script, home)[0] == 0
    opened = backend()
    monkeypatch.setattr("legato._store.spool.LIMIT", 100)
    run, taken = opened._hear_the_dead, []
    monkeypatch.setattr(opened, "_hear_the_dead", lambda store: None)
    store = opened.store
    real = store.run

    def refuse(*args, **kwargs):
        if len(taken) == 3:
            raise StoreFull("There is no room.")
        taken.append(real(*args, **kwargs))
        return taken[-1]

    monkeypatch.setattr(store, "run", refuse)
    with pytest.raises(StoreFull):
        opened.send_spool()
    assert count(home, RUNS, "CRASHED") == 0
    monkeypatch.setattr(store, "run", real)
    run(store)
    opened.send_spool()
    assert count(home, RUNS, "COMPLETED") == 1
    assert count(home, "select count(*) from task_run_state") == 900
    assert is_sound(home)
