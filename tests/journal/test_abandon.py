"""A journal whose process ends while a thread waits for the store with the turn in its hands."""

from __future__ import annotations

import threading

import pytest
from tests.journal.receiver import IDS, fact
from tests.journal.test_spool import World, moved, text
from tests.store.records import until

from legato._model.records import Skipped
from legato._store.spool import SpoolFile


class HeldUp(World):
    """The sink waits until `go` is set, once `held` is."""

    def __init__(self, folder):
        self.held, self.waits, self.go = False, threading.Event(), threading.Event()
        super().__init__(folder)

    def sink(self, batch):
        if self.held:
            self.waits.set()
            assert self.go.wait(60)
        return super().sink(batch)

    def hold(self):
        """Have a thread wait in the sink with all that was appended, then append more."""
        self.held = True
        self.append(3)
        flushing = threading.Thread(target=self.journal.flush)
        flushing.start()
        assert self.waits.wait(60)
        self.append(2)
        return flushing

    def on_disk(self):
        return [text(record) for record in SpoolFile(self.path).head(1) if record != Skipped()]


@pytest.fixture
def world(tmp_path):
    return HeldUp(tmp_path)


def test_all_that_is_in_memory_is_put_on_disk_and_said(world, capsys):
    world.append(1)
    world.journal.flush()
    flushing = world.hold()
    world.journal.abandon()
    assert world.on_disk() == [text(record) for record in world.sent[1:]]
    assert capsys.readouterr().err == (
        f"legato: 5 records wait in {world.path}; the next process that opens the home delivers "
        "them, or `legato spool send`.\n"
    )
    assert world.journal.unrecorded == 0
    world.go.set()
    flushing.join()


def test_who_waited_may_go_on_and_nothing_is_there_twice(world):
    flushing = world.hold()
    world.journal.abandon()
    world.go.set()
    flushing.join()
    assert len(world.texts()) >= 3
    assert len(world.on_disk()) == 5  # the journal does not empty what it did not put there
    world.die_and_be_delivered(whole=True)


def test_the_end_of_the_process_waits_for_nobody(world):
    flushing = world.hold()
    world.journal.abandon()
    world.journal.close(30)
    assert not world.go.is_set()
    world.go.set()
    flushing.join()


def test_a_record_that_cannot_be_encoded_takes_no_other_along(world):
    flushing = world.hold()
    world.journal.append(moved(IDS.new(), object(), 2))
    world.append(1)
    world.journal.abandon()
    assert world.on_disk() == [text(record) for record in world.sent]
    world.go.set()
    world.held = False
    flushing.join()


def test_where_there_is_no_spool_the_loss_is_said(world, capsys):
    world.journal._spool._open_file = None
    flushing = world.hold()
    world.journal.abandon()
    assert "5 records could not be stored: There is no spool." in capsys.readouterr().err
    world.go.set()
    flushing.join()


def test_a_journal_that_has_stored_everything_leaves_no_file(world, capsys):
    world.journal.append(fact("x"))
    world.journal.flush()
    world.journal.abandon()
    assert capsys.readouterr().err == ""
    assert list(world.folder.iterdir()) == []


def test_who_records_once_the_process_ends_does_not_go_on(world):
    """Its record may be lost, so nobody may act as if it were there; what came before is stored."""
    went_on = []

    def record_on():
        for number in range(3):
            world.journal.append(fact(str(number)))
            went_on.append(number)

    world.append(2)
    world.journal.halt()
    # it stays where it is for good; under this name virtual clocks of later tests do not mind it
    recording = threading.Thread(target=record_on, name="legato-journal", daemon=True)
    recording.start()
    until(lambda: world.journal._drain.backlog + len(world.receiver.records) == 3)
    world.journal.flush()
    assert recording.is_alive()
    assert went_on == []
    assert world.texts()[:2] == [text(record) for record in world.sent]
