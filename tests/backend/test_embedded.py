"""The whole path on real SQLite, with real processes."""

import os
import signal
import threading

import pytest
from tests.backend.recording import Recording, count, is_sound

from legato._backend.current import current
from legato._backend.embedded import EmbeddedBackend
from legato._model.operations.flow_runs import ReadFlowRun
from legato._model.operations.task_runs import FilterTaskRuns
from legato._model.records import Accepted
from legato._settings.current import current as settings
from legato._settings.home import open_home

TASKS = "select count(*) from task_run where state_type = 'COMPLETED'"
STATES = "select count(*) from task_run_state"
RUNS = "select count(*) from flow_run where state_type = ?"


def output(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out, err


def test_one_backend_for_each_home(home, monkeypatch, tmp_path_factory):
    from legato._settings.current import forget

    first = current()
    assert current() is first
    monkeypatch.setenv("LEGATO_HOME", str(tmp_path_factory.mktemp("other")))
    forget()
    assert current() is not first
    monkeypatch.setenv("LEGATO_HOME", str(home))
    forget()
    assert current() is first


def test_a_flow_is_recorded_with_the_states_of_its_tasks(backend, home):
    run = Recording(backend)
    assert [type(answer) for answer in run.answers] == [Accepted, Accepted]
    for n in range(10):
        run.task(f"t-{n}")
    run.end()
    assert count(home, TASKS) == 10
    assert count(home, STATES) == 30
    assert count(home, RUNS, "COMPLETED") == 1
    assert is_sound(home)


def test_a_read_sees_what_was_just_recorded(backend):
    run = Recording(backend)
    for n in range(20):
        run.task(f"t-{n}")
        backend.journal.flush()
        rows = backend.store.read(
            lambda tx: tx.rows("task_run.list_of_flow_run", {"flow_run_id": run.id})
        )
        assert len(rows) == n + 1


def test_an_operation_sees_what_was_just_recorded(backend):
    run = Recording(backend)
    run.task("a")
    assert backend.send(ReadFlowRun(flow_run_id=run.id)).state_name == "Running"
    assert len(backend.send(FilterTaskRuns())) == 1


def test_records_are_kept_when_the_script_exits_at_once(script, home):
    output(script("run = Recording(current())\nfor n in range(1000): run.task(f't-{n}')"))
    assert count(home, TASKS) == 1000


def test_a_killed_process_is_closed_by_the_next_that_looks(script, home):
    code = "run = Recording(current()); run.task('a'); run.task('b', end=None)\n"
    code += "current().journal.flush(); say(str(run.id)); sys.stdin.read()"
    process = script(code)
    process.stdout.readline()
    backend = EmbeddedBackend(open_home(settings()))
    assert backend.store
    assert count(home, RUNS, "CRASHED") == 0
    process.kill()
    process.wait()
    assert EmbeddedBackend(open_home(settings())).store
    assert count(home, RUNS, "CRASHED") == 1
    assert count(home, "select count(*) from task_run where state_type = 'CRASHED'") == 1
    assert count(home, "select count(*) from attempt where closed_at is null") == 0
    assert not list((home / "owners").iterdir())
    assert is_sound(home)


FORKS = """
run = Recording(current())
stop = threading.Event()
def work(name):
    n = 0
    while not stop.is_set():
        run.task(f"{name}-{n}")
        n += 1
        if n % 10 == 0: current().journal.flush()
    done.append(n)
done = []
threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads: thread.start()
status = 0
for round in range(10):
    child = os.fork()
    if not child:
        mine = Recording(current(), "child")
        mine.task("in child")
        mine.end()
        os._exit(0)
    status |= os.waitpid(child, 0)[1]
def fork_from_here():
    child = os.fork()
    if not child:
        Recording(current(), "child").end()
        os._exit(0)
    os.waitpid(child, 0)
other = threading.Thread(target=fork_from_here)
other.start(); other.join()
stop.set()
for thread in threads: thread.join()
run.end()
print(sum(done), status)
"""


def test_forks_in_the_middle_of_a_run(script, home):
    out, _ = output(script(FORKS))
    tasks, status = map(int, out.split())
    assert status == 0
    assert count(home, TASKS) == tasks + 10
    assert count(home, STATES) == 3 * (tasks + 10)
    assert count(home, RUNS, "COMPLETED") == 12
    assert is_sound(home)


POOL = """
import multiprocessing
run = None
def work(n):
    run.task(f"t-{n}")
    return n
if __name__ == "__main__":
    run = Recording(current())
    with multiprocessing.get_context("fork").Pool(3) as pool:
        pool.map(work, range(50), chunksize=1)
        pool.close()
        pool.join()
    run.end()
"""


def test_a_forked_pool_loses_nothing(script, home):
    output(script(POOL))
    assert count(home, TASKS) == 50
    assert is_sound(home)


def test_a_child_outlives_its_killed_parent(script, home):
    code = """
run = Recording(current())
child = os.fork()
if child:
    say("up")
    sys.stdin.read()
else:
    mine = Recording(current(), "child")
    say("up")
    sys.stdin.read()
    mine.task("after"); mine.end(); say("done")
"""
    process = script(code)
    assert [process.stdout.readline() for _ in range(2)] == ["up\n"] * 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert EmbeddedBackend(open_home(settings())).store
    assert count(home, RUNS, "CRASHED") == 1
    assert count(home, RUNS, "RUNNING") == 1
    process.stdin.close()
    assert process.stdout.readline() == "done\n"
    assert count(home, RUNS, "COMPLETED") == 1
    assert is_sound(home)
    process.stdin = None


MANY = """
import time
backend = current()
sys.stdin.readline()
taken = []
for n in range(10):
    began = time.perf_counter()
    run = Recording(backend)
    taken.append(time.perf_counter() - began)
    for m in range(5): run.task(f"t-{m}")
    run.end()
print(max(taken), sorted(taken)[len(taken) // 2])
"""


def test_sixteen_processes_write_at_once(script, home, record_property):
    processes = [script(MANY) for _ in range(16)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [output(process) for process in processes]
    assert all(not err for _, err in told), told
    record_property("slowest_commit_seconds", max(float(out.split()[0]) for out, _ in told))
    assert count(home, RUNS, "COMPLETED") == 160
    assert count(home, TASKS) == 800
    assert is_sound(home)


def test_threads_share_commits(backend, home):
    def work():
        for _ in range(5):
            run = Recording(backend)
            run.task("a")
            run.end()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(home, RUNS, "COMPLETED") == 40
    assert is_sound(home)


def test_without_database_and_spool_the_loss_is_told_and_the_status_is_3(script, home):
    (home / "legato.db").mkdir()
    (home / "spool").write_text("no folder")
    process = script("run = Recording(current()); run.task('a'); run.end(); say('went on')")
    out, err = process.communicate(timeout=60)
    assert out == "went on\n"
    assert process.returncode == 3, err
    assert "Traceback" not in err
    assert str(home) in err


def test_an_error_of_the_script_keeps_its_status(script, home):
    (home / "legato.db").mkdir()
    process = script("run = Recording(current()); 1 / 0")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "ZeroDivisionError" in err


POINTS = [
    *(f"journal.before_drain=kill:{hit}" for hit in (1, 2, 5)),
    *(f"journal.before_sink=kill:{hit}" for hit in (1, 3)),
    *(f"journal.after_sink=kill:{hit}" for hit in (1, 2, 4)),
    *(f"journal.before_answers=kill:{hit}" for hit in (1, 3)),
    "journal.before_fork",
    "journal.after_fork_in_parent",
    "journal.after_fork_in_child",
    "journal.close",
    "ownership.before_hold",
]
KILLED = """
backend = current()
for n in range(3):
    run = Recording(backend); say("begun")
    for m in range(300): run.task(f"t-{m}")
    child = os.fork()
    if not child:
        mine = Recording(backend, "child"); mine.task("a"); mine.end(); os._exit(0)
    os.waitpid(child, 0)
    run.end(); say("ended")
backend.close(5)
"""


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_leaves_a_sound_history(script, home, monkeypatch, point):
    """Without the transaction around a batch, histories would show holes here."""
    monkeypatch.setenv("LEGATO_FAILPOINTS", point)
    out, _ = script(KILLED).communicate(timeout=60)
    monkeypatch.delenv("LEGATO_FAILPOINTS")
    assert EmbeddedBackend(open_home(settings())).store
    assert is_sound(home)
    mine = "select count(*) from flow_run where name = 'f' and state_type <> 'PENDING'"
    assert count(home, mine) >= out.count("begun")
    assert count(home, f"{mine} and state_type = 'COMPLETED'") >= out.count("ended")
    assert count(home, "select count(*) from flow_run where end_at is null") == 0
    assert count(home, "select count(*) from task_run where end_at is null") == 0


def test_a_fault_in_every_tenth_batch_changes_nothing(script, home, monkeypatch):
    faults = "journal.before_sink=p0.1:7,journal.after_sink=p0.1:11,store.before_commit=p0.1:3"
    monkeypatch.setenv("LEGATO_FAILPOINTS", faults)
    output(
        script("run = Recording(current())\nfor n in range(5000): run.task(f't-{n}')\nrun.end()")
    )
    assert count(home, TASKS) == 5000
    assert count(home, RUNS, "COMPLETED") == 1
    assert count(home, "select count(*) from quarantine") == 0
    assert is_sound(home)
