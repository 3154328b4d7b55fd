"""Ways past the promise of a step that is kept ahead of its rows."""

import sqlite3
from types import SimpleNamespace
from uuid import uuid4

import pytest
from tests.backend.recording import Recording, count, kept

from legato._backend.embedded import EmbeddedBackend
from legato._journal.outage import Outage
from legato._model.operations.variables import CreateVariable
from legato._model.records import TaskRunMoved
from legato._model.variables import VariableCreate
from legato._sdk import durable_steps
from legato._sdk.exceptions import StepNotCommitted
from legato._settings.current import current as settings
from legato._settings.home import open_home
from legato._store.port import Grade


def test_a_step_drained_plainly_before_its_commit_is_synchronised(backend, still, monkeypatch):
    run = Recording(backend)
    grades, whole = [], backend.store.run

    def seen(op, lane, grade):
        grades.append(grade)
        return whole(op, lane, grade)

    monkeypatch.setattr(backend.store, "run", seen)
    run.task("a")
    backend.journal.flush()  # as the scribe does, or the append that fills a group
    if not kept(run):
        backend.journal.flush(acked=True)
    assert grades[-1] is Grade.ACKED, grades


def test_an_append_that_fills_the_group_is_synchronised(backend, still, monkeypatch):
    """The same by nothing but appends: 256 records, the last one ends the step."""
    run = Recording(backend)
    grades, whole = [], backend.store.run

    def seen(op, lane, grade):
        grades.append(grade)
        return whole(op, lane, grade)

    monkeypatch.setattr(backend.store, "run", seen)
    monkeypatch.setattr(backend.journal, "_mark", 3)
    run.task("a")
    if not kept(run):
        backend.journal.flush(acked=True)
    assert grades[-1] is Grade.ACKED, grades


def take_over(home, run):
    """Have somebody else hold the run, in attempt 2."""
    with sqlite3.connect(home / "legato.db") as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(attempt)")]
        picked = ", ".join("2" if name == "number" else name for name in names)
        database.execute("UPDATE attempt SET closed_at = 1 WHERE flow_run_id = ?", (run.id.bytes,))
        database.execute(
            f"INSERT INTO attempt SELECT {picked} FROM attempt WHERE flow_run_id = ?",
            (run.id.bytes,),
        )
        other = (uuid4().bytes, run.id.bytes)
        names = [row[1] for row in database.execute("PRAGMA table_info(writer)")]
        picked = ", ".join("?" if name == "id" else name for name in names)
        database.execute(f"INSERT INTO writer SELECT {picked} FROM writer LIMIT 1", other[:1])
        database.execute(
            "UPDATE attempt SET writer_id = ?, closed_at = NULL"
            " WHERE number = 2 AND flow_run_id = ?",
            other,
        )
        database.execute("UPDATE flow_run SET epoch = 2 WHERE id = ?", (run.id.bytes,))
    database.close()


def commit(run):
    flow = SimpleNamespace(id=run.id, epoch=1, commits_here=False)
    state = run.state("COMPLETED")
    context = SimpleNamespace(name="t", flow_run_context=flow, state=state)
    durable_steps.commit(run.backend, context)


def test_control_who_is_fenced_is_told_so_when_the_step_waits_in_memory(backend, home, still):
    run = Recording(backend)
    take_over(home, run)
    run.task("late")
    with pytest.raises(StepNotCommitted):
        commit(run)


def test_who_is_fenced_by_a_plain_batch_does_no_further_step(backend, home, still):
    run = Recording(backend)
    take_over(home, run)
    run.task("late")
    backend.journal.flush()
    assert backend.journal.fenced(run.id)
    with pytest.raises(StepNotCommitted):
        commit(run)


def test_a_fenced_run_is_not_covered_by_the_keeping_of_another(backend, home, still):
    fenced, other = Recording(backend, "a"), Recording(backend, "b")
    take_over(home, fenced)
    fenced.task("late")
    other.task("fine")
    commit(other)
    with pytest.raises(StepNotCommitted):
        commit(fenced)


@pytest.mark.parametrize("body", [b"\xc1", b""])
def test_a_body_that_cannot_be_taken_apart_stops_nobody(backend, home, still, body):
    run = Recording(backend)
    run.task("a")
    assert kept(run)
    with sqlite3.connect(home / "legato.db") as database:
        database.execute("UPDATE ahead SET body = ?", (body,))
    database.close()
    other = EmbeddedBackend(open_home(settings()))
    other.send(CreateVariable(variable=VariableCreate(name="x", value=1)))
    other.close(5)
    assert count(home, "select count(*) from ahead") == 0
    assert count(home, "select count(*) from quarantine") == 1
    backend.journal.flush()
    run.task("b")
    run.end()
    assert count(home, "select count(*) from task_run where state_type = 'COMPLETED'") == 1


def test_what_is_ahead_is_never_trimmed():
    outage = Outage("x", lambda: 0.0)
    task, run = uuid4(), uuid4()
    moved = [TaskRunMoved(1, run, task, n, None, None) for n in range(1, 7)]
    buffer = moved[:5]
    outage.trim(buffer, 4, 2)  # tears the task
    buffer.append(moved[5])
    outage.trim(buffer, 4, 2)
    assert buffer[:2] == moved[:2]
