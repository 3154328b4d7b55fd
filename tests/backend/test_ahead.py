"""Steps that are safe before they are rows: kept in one row, and taken in once by whoever comes."""

import sqlite3
from uuid import UUID

import msgspec
from tests.backend.recording import Recording, count, is_sound, kept

from legato._backend.embedded import EmbeddedBackend
from legato._control import prefect_flow_runs
from legato._control.ahead import Keeping
from legato._journal.ahead import BYTES
from legato._model.errors import StoreBusy
from legato._model.operations.flow_runs import SetFlowRunState, StateCreate
from legato._model.operations.variables import CreateVariable
from legato._model.states import StateType
from legato._model.variables import VariableCreate
from legato._settings.current import current as settings
from legato._settings.home import open_home
from legato._store.port import Transaction

WAITING = "select count(*) from ahead"
TASKS = "select count(*) from task_run where state_type = 'COMPLETED'"
STATES = "select count(*) from task_run_state"
BAD = "select count(*) from quarantine"
RUNS = "select count(*) from flow_run where state_type = ?"


def look(home):
    return count(home, WAITING), count(home, TASKS), count(home, STATES), count(home, BAD)


def test_a_step_is_kept_then_becomes_rows_once(backend, home, still):
    run = Recording(backend)
    for n in range(3):
        run.task(f"t-{n}")
        assert kept(run)
        assert look(home) == (n + 1, 0, 0, 0)
    backend.journal.flush()
    assert look(home) == (0, 3, 9, 0)
    run.end()
    assert look(home) == (0, 3, 9, 0)


STEPS = """
from legato._journal import scribe
scribe.WINDOW_SECONDS = 60.0
run = Recording(current())
for n in range(3):
    run.task(f"t-{n}")
    assert current().journal.keep_ahead(run.id, 1)
say(str(run.id))
"""


def test_of_a_killed_process_they_are_taken_in_before_its_run_is_closed(script, home):
    process = script(STEPS + "sys.stdin.read()")
    process.stdout.readline()
    assert look(home) == (3, 0, 0, 0)
    process.kill()
    process.wait()
    assert EmbeddedBackend(open_home(settings())).store
    assert look(home) == (0, 3, 9, 0)
    assert count(home, RUNS, "CRASHED") == 1
    assert is_sound(home)


def test_whoever_writes_takes_in_those_of_a_live_process_which_goes_on(script, home, backend):
    process = script(
        STEPS + "sys.stdin.readline(); run.task('last'); kept = "
        "current().journal.keep_ahead(run.id, 1); run.end(); say(str(kept)); current().close(5)"
    )
    process.stdout.readline()
    backend.send(CreateVariable(variable=VariableCreate(name="x", value=1)))
    assert look(home) == (0, 3, 9, 0)
    out, err = process.communicate("go on\n", timeout=60)
    assert (process.returncode, out) == (0, "True\n"), err
    assert look(home) == (0, 4, 12, 0)
    assert count(home, RUNS, "COMPLETED") == 1


def test_who_ends_a_run_from_outside_sees_its_steps_and_no_further_one_is_kept(
    script, home, backend
):
    process = script(
        STEPS + "sys.stdin.readline(); run.task('late'); say(str("
        "current().journal.keep_ahead(run.id, 1))); sys.stdin.readline(); os._exit(0)"
    )
    run_id = UUID(process.stdout.readline().strip())
    state = StateCreate(type=StateType.CANCELLED, name="Cancelled")
    backend.send(SetFlowRunState(flow_run_id=run_id, state=state, force=True))
    assert look(home)[:2] == (0, 3)
    process.stdin.write("go on\n")
    process.stdin.flush()
    assert process.stdout.readline() == "False\n"
    assert count(home, WAITING) == 0
    process.communicate("\n", timeout=60)


def test_a_forked_child_leaves_them_to_its_parent(script, home):
    process = script(
        STEPS
        + """
child = os.fork()
if not child:
    os._exit(0 if current().journal.is_idle else 1)
say(str(os.waitpid(child, 0)[1]))
run.task("after")
say(str(current().journal.keep_ahead(run.id, 1)))
"""
    )
    out, err = process.communicate(timeout=60)
    assert out.split()[1:] == ["0", "True"], err
    assert look(home) == (0, 4, 12, 0)


def test_a_record_that_is_none_is_put_aside_alone(script, home, backend):
    process = script(STEPS + "sys.stdin.read()")
    process.stdout.readline()
    process.kill()
    process.wait()
    with sqlite3.connect(home / "legato.db") as database:
        ((body,),) = database.execute("SELECT body FROM ahead WHERE id = 2")
        parts = [bytes(part) for part in msgspec.msgpack.decode(body, type=list[msgspec.Raw])]
        parts[2] = msgspec.msgpack.encode({"type": "no record"})
        body = msgspec.msgpack.encode([msgspec.Raw(part) for part in parts])
        database.execute("UPDATE ahead SET body = ? WHERE id = 2", (body,))
    database.close()
    backend.sweep()
    assert look(home) == (0, 2, 9, 1)  # the second step crashed with its process
    assert count(home, RUNS, "CRASHED") == 1


def test_what_is_too_much_for_a_row_waits_for_its_batch(backend, home, still):
    run = Recording(backend)
    run.task("x" * BYTES)
    assert not kept(run)
    backend.journal.flush()
    assert look(home) == (0, 1, 3, 0)


def test_while_the_database_is_away_they_keep_their_numbers_in_the_spool(
    backend, home, still, monkeypatch
):
    run = Recording(backend)
    run.task("kept")
    assert kept(run)
    run.task("more")
    store, whole = backend.store, backend.store.run

    def away(*args):
        raise StoreBusy("The database is away.")

    monkeypatch.setattr(store, "run", away)
    backend.journal.wait_at_most(0)
    assert not kept(run)
    backend.journal.flush(acked=True)
    assert backend.journal.spooled[0] == 6
    monkeypatch.setattr(store, "run", whole)
    backend.journal.close(10)
    assert look(home) == (0, 2, 6, 0)


def test_what_was_kept_although_it_was_reported_to_fail_is_there_once(
    backend, home, still, monkeypatch
):
    run = Recording(backend)
    store, whole = backend.store, backend.store.run

    def done_but_not_told(op, *args):
        whole(op, *args)
        raise StoreBusy("No answer.")

    run.task("a")
    monkeypatch.setattr(store, "run", done_but_not_told)
    assert not kept(run)
    monkeypatch.setattr(store, "run", whole)
    assert count(home, WAITING) == 1
    run.task("b")
    assert kept(run)
    backend.journal.flush()
    assert look(home) == (0, 2, 6, 0)


def test_steps_of_a_run_that_was_closed_meanwhile_are_those_of_a_dead_process_too(script, home):
    """Nothing else shows that its writer has something to say."""
    process = script(STEPS + "sys.stdin.read()")
    process.stdout.readline()
    with sqlite3.connect(home / "legato.db") as database:
        database.execute("UPDATE attempt SET closed_at = 1, cause = 'ended'")
        database.execute("UPDATE flow_run SET state_type = 'COMPLETED', end_at = 1")
    database.close()
    process.kill()
    process.wait()
    assert EmbeddedBackend(open_home(settings())).store
    assert look(home)[0] == 0
    assert count(home, "select count(*) from task_run") == 3


def test_a_batch_of_the_same_writer_takes_nothing_in(backend, home, still, monkeypatch):
    def never(tx: Transaction) -> None:
        raise AssertionError

    run = Recording(backend)
    monkeypatch.setattr(backend.store, "_take_in", never)
    run.task("a")
    assert kept(run)
    run.end()
    assert look(home) == (0, 1, 3, 0)


def test_who_ends_a_run_in_the_commit_that_keeps_its_step_sees_the_step(backend, home, still):
    run, caught = Recording(backend), []
    run.task("a")
    backend.journal.keep_with(lambda records: caught.append(Keeping(records)) or False)
    assert not kept(run)
    request = SetFlowRunState(
        flow_run_id=run.id,
        state=StateCreate(type=StateType.CANCELLED, name="Cancelled"),
        force=True,
    )

    def end(tx):
        return prefect_flow_runs.set_state(tx, backend.clock.now(), request)

    done, answer = backend.store.run_all([*caught, end])
    assert (done, answer.status) == (True, "ACCEPT")
    assert look(home) == (0, 1, 3, 0)
