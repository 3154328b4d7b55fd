import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.receiver import CLOCK, IDS, Receiver, fact, make_writer, proposal

from legato._journal.journal import LULL_GROUP, Journal
from legato._journal.scribe import Scribe
from legato._model.errors import StoreBusy, StoreFull
from legato._model.records import Aborted, BatchAnswer, Fenced, Logged

OPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 700)),
        st.tuples(st.just("propose"), st.integers(1, 600)),
        st.tuples(st.just("flush"), st.booleans()),
        st.tuples(st.just("fault"), st.sampled_from(["before", "after"])),
    ),
    max_size=12,
)


def busy(batch):
    raise StoreBusy


def new_journal(receiver):
    return Journal(receiver, make_writer, CLOCK, "test.db", lambda seconds: None)


@settings(max_examples=60)
@given(OPS)
def test_nothing_is_lost_doubled_or_reordered(ops):
    receiver, sent = Receiver(), []
    journal = new_journal(receiver)
    for op, arg in ops:
        if op == "append":
            for _ in range(arg):
                sent.append(fact(str(len(sent))))
                journal.append(sent[-1])
        elif op == "propose":
            records = [proposal() if n % 3 == 0 else fact(str(n)) for n in range(arg)]
            sent.extend(records)
            answers = journal.propose(*records)
            wanted = [r.state for r in records if not isinstance(r, Logged)]
            assert [a.state for a in answers] == wanted
            assert receiver.records == sent
        elif op == "flush":
            journal.flush(acked=arg)
            assert receiver.records == sent
        else:
            getattr(receiver, arg).append(busy)
    journal.close(5)
    assert receiver.records == sent
    assert journal.unrecorded == 0
    assert all(len(batch.records) <= 500 for batch in receiver.batches)


def test_a_fact_is_committed_without_anybody_waiting(receiver):
    committed = threading.Event()
    receiver.after.append(lambda batch: committed.set())
    journal = new_journal(receiver)
    journal.append(fact("a"))
    assert committed.wait(5)
    assert [batch.acked for batch in receiver.batches] == [False]


def test_a_second_window_wakes_the_idle_thread_again(receiver):
    journal = new_journal(receiver)
    for _ in range(3):
        committed = threading.Event()
        receiver.after.append(lambda batch, e=committed: e.set())
        journal.append(fact("a"))
        assert committed.wait(5)


def test_a_lull_commits_what_has_piled_up_and_leaves_little_alone(receiver, monkeypatch):
    journal = new_journal(receiver)
    monkeypatch.setattr(journal._scribe, "start", lambda: None)
    for number in range(LULL_GROUP - 1):
        journal.append(fact(str(number)))
    journal.lull()
    assert receiver.batches == []
    journal.append(fact("last"))
    journal.lull()
    assert [len(batch.records) for batch in receiver.batches] == [LULL_GROUP]


def test_the_scribe_leaves_it_to_others_while_they_drain(receiver):
    backlog, ages, drained = [True], [0.0, 0.0, 60.0], threading.Event()

    def drain():
        assert ages == [60.0], "the others were not waited for"
        backlog.clear()
        drained.set()

    def age():
        return ages.pop(0) if len(ages) > 1 else ages[0]

    scribe = Scribe(lambda: bool(backlog), drain, lambda: 0.0, lambda chore: None, age)
    scribe.ring()
    assert drained.wait(5)
    scribe.stop()


def test_a_chore_is_done_while_others_drain_all_the_time():
    """As where one short flow follows the other, and the log of the database is to have room."""
    left, done = threading.Event(), threading.Event()

    def age():
        left.set()
        return 0.0

    scribe = Scribe(lambda: True, lambda: None, lambda: 0.0, lambda chore: chore(), age)
    scribe.ring()
    assert left.wait(5)
    scribe.ask(done.set)
    assert done.wait(5)
    scribe.stop()


def test_a_chore_is_done_by_the_scribe_while_appending_goes_on(receiver):
    journal = new_journal(receiver)
    begun, goes_on, over = threading.Event(), threading.Event(), threading.Event()
    by = []

    def chore():
        by.append(threading.current_thread())
        begun.set()
        assert goes_on.wait(5)
        over.set()

    journal.spare(chore)
    assert begun.wait(5)
    for number in range(2_000):  # of which nothing can be stored: the chore has the turn
        journal.append(fact(str(number)))
    assert receiver.batches == []
    goes_on.set()
    journal.flush()
    assert over.is_set()
    assert len(receiver.records) == 2_000
    assert by != [threading.current_thread()]


def test_a_chore_that_fails_costs_nothing_but_itself(receiver):
    journal = new_journal(receiver)
    done = threading.Event()

    def fail():
        done.set()
        raise StoreBusy

    journal.spare(fail)
    assert done.wait(5)
    committed = threading.Event()
    receiver.after.append(lambda batch: committed.set())
    journal.append(fact("a"))
    assert committed.wait(5)


def test_a_proposal_waits_for_a_full_commit(journal, receiver):
    journal.propose(proposal())
    assert [batch.acked for batch in receiver.batches] == [True]


def test_an_acked_flush_hardens_what_was_committed_plainly(journal, receiver):
    journal.append(fact("a"))
    journal.flush()
    journal.flush(acked=True)
    journal.flush(acked=True)
    grades = [batch.acked for batch in receiver.batches if batch.records]
    empty = [batch for batch in receiver.batches if not batch.records]
    assert len(grades) == 1
    assert len(empty) == (0 if grades[0] else 1)


def test_a_repeat_carries_the_same_numbers(journal, receiver):
    receiver.after += [busy, busy]
    journal.propose(fact("a"), proposal())
    assert {(b.first_seq, len(b.records)) for b in receiver.batches} == {(1, 2)}
    assert len(receiver.batches) == 3
    assert len(receiver.records) == 2


def test_an_interrupt_loses_and_doubles_nothing(journal, receiver):
    def interrupt(batch):
        raise KeyboardInterrupt

    for moment in (receiver.before, receiver.after):
        moment.append(interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.propose(fact("a"), proposal())
        assert journal.propose(proposal())
    assert len(receiver.records) == 6


@pytest.fixture
def restless():
    """Threads change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("outages", [0, 1])
def test_many_threads(receiver, restless, outages):
    journal = new_journal(receiver)
    receiver.before += [full] * outages
    bad = []

    def work(name):
        for n in range(200):
            journal.append(fact(f"{name} {n}"))
            if n % 20 == 0:
                mine = proposal()
                [answer] = journal.propose(mine)
                if answer.state is not mine.state:
                    bad.append(answer)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close(5)
    assert not bad
    lines = [r.log.message for r in receiver.records if isinstance(r, Logged)]
    assert len(lines) == len(set(lines)) == 2_400
    for name in range(12):
        own = [line for line in lines if line.startswith(f"{name} ")]
        assert own == [f"{name} {n}" for n in range(200)]


def test_threads_that_wait_are_committed_together(receiver):
    journal = new_journal(receiver)
    inside, go = threading.Event(), threading.Event()
    receiver.before.append(lambda batch: (inside.set(), go.wait(5)))
    first = threading.Thread(target=journal.propose, args=(proposal(),))
    first.start()
    assert inside.wait(5)
    others = [threading.Thread(target=journal.propose, args=(proposal(),)) for _ in range(10)]
    for thread in others:
        thread.start()
    while len(journal._buffer) < 10:
        pass
    go.set()
    for thread in [first, *others]:
        thread.join(5)
    assert [len(batch.records) for batch in receiver.batches] == [1, 10]


def test_a_fence_is_remembered_and_aborts_the_proposal(receiver):
    mine = proposal()
    answer = BatchAnswer(1, {}, [Fenced(mine.flow_run_id, "attempt 2 holds it")])
    journal = new_journal(lambda batch: answer)
    assert journal.propose(mine) == [Aborted("attempt 2 holds it")]
    assert journal.fenced(mine.flow_run_id) == "attempt 2 holds it"
    assert journal.fenced(proposal().flow_run_id) is None


def test_a_record_that_breaks_its_batch_is_replaced_by_a_line(receiver):
    journal = new_journal(receiver)

    def break_on_bad(batch):
        receiver.before.append(break_on_bad)
        if any(isinstance(r, Logged) and r.log.message == "bad" for r in batch.records):
            raise ValueError("no")

    receiver.before.append(break_on_bad)
    records = [fact(str(n)) for n in range(100)]
    records[37] = fact("bad")
    mine = proposal()
    answers = journal.propose(*records, mine)
    assert [answer.state for answer in answers] == [mine.state]
    kept = [r.log.message for r in receiver.records if isinstance(r, Logged)]
    assert kept[37] == "Logged could not be stored: ValueError: no"
    assert [m for n, m in enumerate(kept) if n != 37] == [str(n) for n in range(100) if n != 37]
    assert journal.unrecorded == 1


def test_a_full_buffer_makes_the_appending_thread_drain(receiver):
    journal = new_journal(receiver)
    for n in range(50_000):
        journal.append(fact(str(n)))
    assert len(receiver.records) > 49_000
    journal.flush()
    assert len(receiver.records) == 50_000


def test_reentry_is_refused_rather_than_deadlocked(receiver):
    journal = new_journal(receiver)
    told = []

    def come_in_again(batch):
        journal.append(fact("this is fine"))
        for call in (journal.flush, lambda: journal.propose(proposal()), journal.before_fork):
            try:
                call()
            except RuntimeError:
                told.append(call)

    receiver.before.append(come_in_again)
    journal.propose(proposal())
    assert len(told) == 2
    journal.flush()
    assert len(receiver.records) == 2


def test_a_single_fault_is_nobodys_fault(journal, receiver):
    def fail(batch):
        raise ValueError("once")

    receiver.before.append(fail)
    receiver.after.append(fail)
    journal.propose(proposal())
    assert journal.unrecorded == 0
    assert not isinstance(receiver.records[0], Logged)


def test_other_threads_hurry_only_while_somebody_drains(receiver):
    usual, seen = sys.getswitchinterval(), []
    journal = new_journal(receiver)
    receiver.before.append(lambda batch: seen.append(sys.getswitchinterval()))
    journal.propose(proposal())
    assert seen[0] < usual == sys.getswitchinterval()
    journal.before_fork()
    journal.after_in_child()
    assert sys.getswitchinterval() == usual


def test_late_records_go_out_at_once(journal, receiver):
    journal.close(1)
    journal.append(fact("late"))
    assert len(receiver.records) == 1
    assert journal.unrecorded == 0


def test_a_forked_child_starts_with_nothing(journal, receiver):
    journal.append(fact("a"))
    first = journal.writer.id
    journal.before_fork()
    assert len(receiver.records) == 1
    journal.after_in_child()  # as if this were the child
    assert journal.writer.id != first
    assert journal._turn.take(0)
    journal._turn.end()
    receiver.records.clear()
    journal.propose(proposal())
    assert receiver.batches[-1].first_seq == 1


def test_fork_while_another_thread_commits(receiver):
    journal = new_journal(receiver)
    inside, go, forked = threading.Event(), threading.Event(), threading.Event()
    receiver.before.append(lambda batch: (inside.set(), go.wait(5)))
    committing = threading.Thread(target=journal.propose, args=(proposal(),))
    committing.start()
    assert inside.wait(5)
    forking = threading.Thread(target=lambda: (journal.before_fork(), forked.set()))
    forking.start()
    assert not forked.is_set()
    go.set()
    assert forked.wait(5)
    committing.join(5)
    assert len(receiver.records) == 1


def full(batch):
    raise StoreFull


def out_of_use(receiver):
    def refuse(batch):
        receiver.before.append(refuse)
        raise StoreFull

    receiver.before.append(refuse)


def test_a_full_disk_is_told_once_and_the_program_goes_on(receiver, capsys):
    journal = new_journal(receiver)
    out_of_use(receiver)
    mine = proposal()
    assert journal.propose(fact("a"), mine)[0].state is mine.state
    journal.propose(proposal())
    journal.append(fact("b"))
    journal.flush()
    assert journal.unrecorded == 4
    assert isinstance(journal.failure, StoreFull)
    journal.close(1)
    assert journal.unrecorded == 4
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "test.db" in err


def test_what_waited_is_stored_when_there_is_room_again(receiver):
    journal = new_journal(receiver)
    receiver.before.append(full)
    records = [fact("a"), proposal(), fact("b")]
    journal.propose(*records)
    journal.append(fact("c"))
    journal.close(1)
    assert receiver.records[:3] == records
    assert len(receiver.records) == 4
    assert journal.unrecorded == 0


def test_what_was_kept_ahead_keeps_its_number_when_memory_is_full(receiver):
    journal, ahead = new_journal(receiver), []
    journal.keep_with(lambda records: ahead.append(records) or True)
    journal.append(first := fact("kept"))
    assert journal.keep_ahead(IDS.new(), 1)
    assert [(kept.first_seq, kept.last_seq) for kept in ahead] == [(1, 1)]
    out_of_use(receiver)
    for n in range(60_000):
        journal.append(fact(str(n)))
    assert journal._outage.lost_logs > 30_000
    receiver.before.clear()
    journal.close(5)
    assert receiver.records[0] is first
    assert receiver.batches[0].first_seq == 1


def test_a_step_is_kept_before_the_batch_that_is_due(receiver, monkeypatch):
    journal, ahead = new_journal(receiver), []
    monkeypatch.setattr(journal._scribe, "start", lambda: None)
    journal.keep_with(lambda records: ahead.append(len(receiver.batches)) or True)
    records = [fact("begins"), fact("ends")]
    journal.append(records[0])
    journal._scribe.due = True
    journal.hold(records[1])
    assert journal.keep_ahead(IDS.new(), 1)
    assert ahead == [0]
    assert [(batch.records, batch.acked) for batch in receiver.batches] == [(records, False)]


def test_a_step_that_ends_while_a_batch_is_written_is_kept(receiver, monkeypatch):
    journal, ahead = new_journal(receiver), []
    monkeypatch.setattr(journal._scribe, "start", lambda: None)
    journal.keep_with(lambda records: ahead.append(records.first_seq) or True)
    receiver.before.append(lambda batch: journal.hold(fact("ends")))
    journal.append(fact("begins"))
    journal._scribe.due = True
    journal.append(fact("goes on"))
    assert [len(batch.records) for batch in receiver.batches] == [2]
    assert journal.keep_ahead(IDS.new(), 1)
    assert ahead == [3]


def test_without_a_store_memory_stays_bounded_and_proposals_are_kept(receiver):
    journal = new_journal(receiver)
    out_of_use(receiver)
    for n in range(60_000):
        journal.append(fact(str(n)))
        if n % 10_000 == 0:
            journal.propose(proposal())
    assert len(journal._buffer) < 21_000
    assert journal.unrecorded == 60_006
    receiver.before.clear()
    journal.close(5)
    kept = [r for r in receiver.records if not isinstance(r, Logged)]
    assert len(kept) == 6
    assert journal.unrecorded == 60_006 - len(receiver.records)
