"""What a review found: reentry, and patience where there is none left."""

from __future__ import annotations

import math
import sys
from dis import opmap
from itertools import count

from tests.journal.receiver import CLOCK, fact, make_writer, proposal

from legato._journal import ids as ids_module
from legato._journal.ids import TimeOrderedIds
from legato._journal.journal import Journal
from legato._journal.turn import Turn
from legato._model.errors import StoreBusy


def test_a_signal_handler_may_make_ids_while_an_id_is_made(monkeypatch):
    ids, inner = TimeOrderedIds(), []
    clock = ids_module.time_ns

    def time_ns():
        if len(inner) < 3:
            inner.append(None)
            inner[-1] = ids.new()
        return clock()

    monkeypatch.setattr(ids_module, "time", lambda: math.inf)  # each id is the first of its time
    monkeypatch.setattr(ids_module, "time_ns", time_ns)
    made = [ids.new() for _ in range(5)]
    assert made == sorted(made)
    assert len({*made, *inner}) == 8
    assert {i.version for i in inner} == {7}


def test_only_the_first_of_an_outage_waits_for_the_store():
    slept = []

    def sink(batch):
        raise StoreBusy("in use")

    journal = Journal(sink, make_writer, CLOCK, "test.db", slept.append)
    journal.propose(proposal())
    first = sum(slept)
    assert first >= 30
    for _ in range(3):
        journal._outage.retry_now()
        journal.propose(proposal())
    assert sum(slept) == first
    journal.close(10)  # the last chance is taken
    assert sum(slept) >= first + 10


def test_what_others_append_does_not_keep_a_commit_from_surviving_a_power_cut(
    journal, receiver, monkeypatch
):
    """Another thread appends just after the flush has found nothing to move."""
    settle = journal._settle

    def interrupted(count, acked):
        settle(count, acked)
        journal._buffer.append(fact("of another thread"))

    journal.append(fact("step"))
    journal.flush()
    monkeypatch.setattr(journal, "_settle", interrupted)
    journal.flush(acked=True)
    assert any(batch.acked for batch in receiver.batches)
    monkeypatch.undo()
    journal.flush()
    assert [record.log.message for record in receiver.records] == ["step", "of another thread"]


def test_the_turn_ends_wherever_a_signal_handler_raises():
    """Before each instruction in turn, as `Ctrl-C` outside of flows or an alarm of the user's."""
    code = Turn.during.__code__
    interruptions = 0
    for place in count():
        turn, left = Turn(), iter(range(place))

        def trace(frame, event, _, left=left):
            if frame.f_code is not code:
                return None
            frame.f_trace_opcodes = True
            idle = code.co_code[frame.f_lasti] == opmap["NOP"]  # no signal is handled there
            if event == "opcode" and not idle and next(left, None) is None:
                raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            turn.during(lambda: None)
        except KeyboardInterrupt:
            interruptions += 1
        else:
            break
        finally:
            sys.settrace(before)
        assert not turn.mine, f"before instruction {place}"
    assert interruptions > 20
