"""The journal while the store is out of use: on disk, once, in order."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.receiver import CLOCK, IDS, Receiver, fact, make_writer, proposal

from legato._journal.journal import Journal
from legato._model.errors import StoreFull
from legato._model.logs import LogCreate
from legato._model.progress import START
from legato._model.records import Accepted, Logged, Skipped, TaskRunMoved
from legato._model.states import State, StateType
from legato._store import faults
from legato._store.spool import MARKER, SpoolFile

BIG = 2**30


class World:
    """Writers one after the other, which die, and a receiver that is out of use now and then."""

    def __init__(self, folder, max_bytes=BIG):
        self.folder, self.max_bytes = Path(folder), max_bytes
        self.receiver, self.broken, self.sent = Receiver(), False, []
        self.begin()

    def begin(self):
        self.path = str(self.folder / f"{IDS.new().hex}.db")
        self.writer = make_writer()
        self.journal = Journal(
            self.sink, lambda: self.writer, CLOCK, "test.db", lambda seconds: None, self.open
        )

    def open(self):
        return SpoolFile(self.path, self.writer, self.max_bytes)

    def sink(self, batch):
        if self.broken:
            raise StoreFull("There is no room.")
        return self.receiver(batch)

    def append(self, count):
        for _ in range(count):
            self.sent.append(fact(str(len(self.sent))))
            self.journal.append(self.sent[-1])

    def propose(self):
        self.sent.append(proposal())
        [answer] = self.journal.propose(self.sent[-1])
        assert answer.state.id == self.sent[-1].state.id

    def mend(self):
        self.broken = False
        self.journal._outage.retry_now()

    def spooled(self):
        return Path(self.path).exists()

    def die_and_be_delivered(self, whole=False):
        """Forget the process as kill -9 does; another one delivers its file."""
        self.journal._turn.take()
        self.journal._turn.calm()  # the interpreter lives on
        safe = len(self.sent) - self.journal._drain.in_memory
        self.journal._scribe.stop()
        self.journal._spool.close()
        if self.spooled():
            file = SpoolFile(self.path)
            assert file.find_writer() == self.writer
            while records := file.head(len(self.receiver.records) + 1):
                first = len(self.receiver.records) + 1
                self.receiver.records += records
                file.remove(first + len(records) - 1)
            file.discard()
        delivered = self.texts()
        assert len(delivered) >= (len(self.sent) if whole else safe)
        assert delivered == [text(record) for record in self.sent[: len(delivered)]]
        self.sent.clear()
        self.receiver.records.clear()
        self.begin()

    def texts(self):
        return [text(record) for record in self.receiver.records]


def text(record):
    return record.log.message if isinstance(record, Logged) else str(record.state.id)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 700)),
        st.tuples(st.just("propose"), st.none()),
        st.tuples(st.just("break"), st.none()),
        st.tuples(st.just("mend"), st.none()),
        st.tuples(st.just("flush"), st.none()),
        st.tuples(st.just("die"), st.none()),
        st.tuples(st.just("abandon"), st.none()),
        st.tuples(
            st.just("fault"),
            st.sampled_from(
                [
                    "spool.before_put",
                    "spool.before_commit",
                    "spool.after_put",
                    "spool.before_remove",
                    "spool.after_remove",
                    "spool.before_discard",
                ]
            ),
        ),
    ),
    max_size=16,
)


@settings(max_examples=80)
@given(STEPS)
def test_any_interleaving_of_outages_deliveries_and_deaths_keeps_every_record_once(steps):
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        try:
            for step, arg in steps:
                if step == "append":
                    world.append(arg)
                elif step == "propose":
                    world.propose()
                elif step == "break":
                    world.broken = True
                elif step == "mend":
                    world.mend()
                elif step == "flush":
                    world.journal.flush()
                elif step == "die":
                    faults.arm("")
                    world.die_and_be_delivered()
                elif step == "abandon":
                    faults.arm("")
                    world.journal.abandon()
                    world.die_and_be_delivered(whole=True)
                else:
                    faults.arm(f"{arg}=raise")
            faults.arm("")
            world.mend()
            world.journal.close(5)
            assert world.texts() == [text(record) for record in world.sent]
            assert world.journal.unrecorded == 0
            assert world.journal.spooled[0] == 0
        finally:
            faults.arm("")


def test_nothing_of_it_exists_before_it_is_needed(world):
    world.append(2000)
    world.propose()
    world.journal.close(1)
    assert list(world.folder.iterdir()) == []


def test_what_waits_is_on_disk_and_not_lost(world, capsys):
    world.broken = True
    world.append(3)
    world.propose()
    world.journal.close(0)
    assert world.journal.unrecorded == 0
    assert world.journal.spooled == (4, world.path)
    line = (
        "legato: runs are not recorded in test.db: There is no room. "
        f"The records wait in {world.path}. The program goes on.\n"
    )
    assert capsys.readouterr().err == line
    assert [text(r) for r in SpoolFile(world.path).head(1)] == [text(r) for r in world.sent]


def test_the_file_is_gone_once_all_is_delivered(world):
    world.broken = True
    world.propose()
    assert world.spooled()
    world.mend()
    world.append(1)
    world.journal.flush()
    assert world.texts() == [text(record) for record in world.sent]
    assert list(world.folder.iterdir()) == []


def test_a_proposal_after_the_outage_is_answered_by_the_store_again(world):
    world.broken = True
    [local] = world.journal.propose(mine := proposal())
    assert local == Accepted(mine.state, 0)
    world.mend()
    [real] = world.journal.propose(proposal())
    assert real.version > 0


def test_facts_reach_the_disk_without_anybody_waiting(world):
    world.broken = True
    world.propose()
    world.append(1)
    watched = SpoolFile(world.path)
    while watched.count() < 2:
        pass
    watched.close()


def test_without_room_for_the_spool_memory_is_used_and_said_so(world, capsys, monkeypatch):
    monkeypatch.setattr(World, "open", None)
    world.journal._spool._open_file = _no_room
    world.broken = True
    world.propose()
    assert world.journal.unrecorded == 1
    err = capsys.readouterr().err
    assert err == (
        "legato: runs are not recorded in test.db: There is no room. The program goes on.\n"
    )
    world.mend()
    world.journal.close(1)
    assert world.journal.unrecorded == 0


def _no_room():
    raise StoreFull("Not here either.")


def moved(run, task, version):
    state = State(id=IDS.new(), type=StateType.RUNNING, name="Running", timestamp=CLOCK.now())
    return TaskRunMoved(1, run, task, version, state, START)


def long_line(number, run):
    log = LogCreate(
        name="t", level=20, message=f"{number} " + "x" * 500, timestamp=CLOCK.now(),
        flow_run_id=run,
    )  # fmt: skip
    return Logged(log)


def test_log_lines_make_room_for_states_and_are_counted(tmp_path, capsys):
    world = World(tmp_path, max_bytes=900_000)
    world.broken = True
    runs, states = [IDS.new(), IDS.new()], []
    for number in range(2000):
        states.append(moved(runs[0], IDS.new(), 2))
        world.journal.append(states[-1])
        world.journal.append(long_line(number, runs[number % 2]))
        if number % 100 == 99:
            world.journal.flush()
    world.journal.flush()
    assert Path(world.path).stat().st_size < 1_300_000
    dropped = world.journal.unrecorded
    assert 0 < dropped <= 2000
    assert "the spool has reached its bound: log lines are dropped" in capsys.readouterr().err
    world.mend()
    world.journal.close(5)
    kept = [r for r in world.receiver.records if isinstance(r, TaskRunMoved)]
    assert [r.state.id for r in kept] == [r.state.id for r in states]
    logs = [r.log for r in world.receiver.records if isinstance(r, Logged)]
    markers = [log for log in logs if log.name == MARKER]
    assert {log.flow_run_id for log in markers} == set(runs)
    assert sum(int(log.message.split()[0]) for log in markers) == dropped
    assert len(logs) - len(markers) == 2000 - dropped
    assert len(world.receiver.records) == 4000
    numbers = [int(log.message.split()[0]) for log in logs if log.name != MARKER]
    assert numbers == list(range(2000 - len(numbers), 2000))


def test_a_spool_full_of_states_loses_the_end_of_histories_only(tmp_path, capsys):
    world = World(tmp_path, max_bytes=400_000)
    world.broken = True
    run, tasks = IDS.new(), [IDS.new() for _ in range(3000)]
    for version in range(2, 12):
        for task in tasks:
            world.journal.append(moved(run, task, version))
    world.journal.flush()
    assert Path(world.path).stat().st_size < 800_000
    assert world.journal.unrecorded > 0
    assert "LEGATO_SPOOL_MAX_BYTES" in capsys.readouterr().err
    world.mend()
    world.journal.close(5)
    seen = {}
    for record in world.receiver.records:
        seen.setdefault(record.task_run_id, []).append(record.version)
    assert 0 < len(world.receiver.records) < 30_000
    assert all(versions == list(range(2, 2 + len(versions))) for versions in seen.values())


def test_a_file_that_is_taken_away_leaves_no_hole_in_the_numbers(world):
    world.broken = True
    world.append(10)
    world.journal.flush()
    world.journal.before_fork()  # closes the file
    world.journal.after_in_parent()
    Path(world.path).unlink()
    world.append(1)
    world.mend()
    world.journal.flush()
    assert [type(r) for r in world.receiver.records] == [Skipped] * 10 + [Logged]
    assert world.journal.unrecorded == 10


def test_a_child_never_touches_what_its_parent_spools(world):
    world.broken = True
    world.append(1)
    world.journal.flush()
    path = world.path
    world.journal.before_fork()
    world.writer, world.path = make_writer(), str(world.folder / "child.db")
    world.journal.after_in_child()  # as if this were the child
    assert world.journal.spooled == (0, "")
    world.journal.propose(proposal())
    assert SpoolFile(world.path).count() == 1
    assert SpoolFile(path).count() == 1


@pytest.mark.parametrize(
    "message", ["nul \0", "surrogate \ud800", "emoji \U0001f3b5"], ids=["nul", "surrogate", "emoji"]
)
def test_text_of_every_kind_comes_back_as_it_was(world, message):
    world.broken = True
    world.journal.append(fact(message))
    world.mend()
    world.journal.flush()
    world.broken = True
    world.journal.append(fact(message))
    world.journal.flush()
    world.mend()
    world.journal.close(1)
    assert world.texts() == [message, message]


def corrupt(path, start, end):
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(b"\xff" * (end - start))


def test_what_can_be_read_of_a_damaged_file_is_kept(tmp_path):
    path, writer = str(tmp_path / "a.db"), make_writer()
    file = SpoolFile(path, writer)
    for first in range(1, 3001, 500):
        file.put(first, [fact(f"{n} " + "y" * 200) for n in range(first, first + 500)], acked=False)
    file.close()
    size = Path(path).stat().st_size
    corrupt(path, size // 2 // 4096 * 4096, size // 2 // 4096 * 4096 + 8192)
    file, found, known = SpoolFile(path, writer), [], 0
    while records := file.head(known + 1):
        found += records
        known += len(records)
    file.close()
    assert file.damaged
    assert Path(path + ".corrupt").exists()
    numbers = [int(r.log.message.split()[0]) for r in found if isinstance(r, Logged)]
    assert len(found) == 3000
    assert 2800 < len(numbers) < 3000
    assert all(
        record.log.message.startswith(f"{n} ")
        for n, record in zip(itertools.count(1), found)
        if isinstance(record, Logged)
    )
