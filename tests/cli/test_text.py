"""Tables, durations and the tally of tasks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._cli.live import Tally
from legato._cli.tables import Cell, columns, fitted, printable, table
from legato._cli.times import lasted, moment, span
from legato._model.progress import START
from legato._model.records import Batch, TaskRunCreated, TaskRunMoved
from legato._model.states import State, StateType
from legato._model.task_runs import TaskRunCreate


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-1, "0 ms"),
        (0.0123, "12 ms"),
        (0.9999, "1.0 s"),
        (12.34, "12.3 s"),
        (59.99, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (3661, "1 h 01 min"),
        (86400 * 3 + 7200, "3 d 02 h"),
    ],
)
def test_a_duration_has_two_units(seconds, text):
    assert span(seconds) == text
    assert span(timedelta(seconds=seconds)) == text


def test_what_has_not_begun_has_no_time():
    assert moment(None) == lasted(None, None) == "-"


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1), st.integers(1, 60))
def test_a_line_is_never_wider_than_the_terminal(rows, width):
    for line in table(("A", "B"), rows, width):
        assert columns(line) <= width
        assert "\n" not in line
        assert "\x1b" not in line


@given(st.lists(st.tuples(st.text(), st.text(min_size=1)), min_size=1))
def test_columns_are_aligned_where_nothing_is_cut(rows):
    lines = table(("A", "B"), [(name, "|" + other) for name, other in rows], None)
    starts = {columns(line[: line.index("  |", 0) + 2]) for line in lines[1:] if "|" in line}
    widest = max(columns(printable(name)) for name, _ in rows)
    assert min(starts) <= max(widest, 1) + 2


def test_a_cell_is_cut_with_a_mark_and_coloured_after_that():
    head, line = table(("NAME", "STATE"), [("abcdef", Cell("Completed", "green"))], 12)
    assert head == "NAME    STAT…"[:12] or head.startswith("NAME")
    assert line == "abcdef  \x1b[32mCom…\x1b[0m"
    assert fitted("日本語", 5) == "日本…"
    assert fitted("日本語", 6) == "日本語"


def test_what_is_not_printable_is_written_out():
    assert printable("a\nb\x1b[0m") == "a\\nb\\x1b[0m"
    assert printable("a\nb\t", also="\n") == "a\nb\\t"
    assert printable("ü ✓") == "ü ✓"


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def state(kind, name=None):
    return State(id=UUID(int=0), type=kind, name=name or kind.capitalize(), timestamp=NOW)


def created(number):
    pending = state(StateType.PENDING)
    run = TaskRunCreate(id=UUID(int=number), name="t", task_key="t", dynamic_key="t", state=pending)
    return TaskRunCreated(1, run)


def moved(number, kind, name=None):
    return TaskRunMoved(1, None, UUID(int=number), 2, state(kind, name), START)


def test_the_tally_counts_where_task_runs_stand():
    tally = Tally()
    assert str(tally) == ""
    records = [created(1), moved(1, StateType.RUNNING), created(2), created(3)]
    tally.take(Batch(UUID(int=9), 1, records))
    assert str(tally) == "tasks: 2 Pending, 1 Running"
    again = moved(1, StateType.COMPLETED, "Cached")
    tally.take(Batch(UUID(int=9), 5, [again, again, moved(7, StateType.FAILED)]))
    assert str(tally) == "tasks: 2 Pending, 1 Cached"
