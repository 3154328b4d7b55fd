"""Filters of values at hand say what queries say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from legato._model.filters import (
    IdFilter,
    LevelFilter,
    LogFilter,
    Operator,
    OptionalIdFilter,
    SearchFilter,
    TimeFilter,
)
from legato._model.logs import Log
from legato._model.matching import passes

NOW, RUN = datetime.now(UTC), uuid4()
LINE = Log(
    id=uuid4(),
    created=NOW,
    updated=NOW,
    name="legato",
    level=20,
    message="m",
    timestamp=NOW,
    flow_run_id=RUN,
)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, True),
        (LogFilter(), True),
        (LogFilter(level=LevelFilter(ge_=20, le_=20)), True),
        (LogFilter(level=LevelFilter(ge_=21)), False),
        (LogFilter(timestamp=TimeFilter(after_=NOW, before_=NOW)), True),
        (LogFilter(timestamp=TimeFilter(after_=NOW + SECOND)), False),
        (LogFilter(text=SearchFilter(query="M other")), True),
        (LogFilter(text=SearchFilter(query="-m")), False),
        (LogFilter(timestamp=TimeFilter(before_=NOW - SECOND)), False),
        (LogFilter(flow_run_id=IdFilter(any_=[uuid4(), RUN])), True),
        (LogFilter(flow_run_id=IdFilter(any_=[])), False),
        (LogFilter(flow_run_id=IdFilter(not_any_=[RUN])), False),
        (LogFilter(task_run_id=OptionalIdFilter(is_null_=True)), True),
        (LogFilter(task_run_id=OptionalIdFilter(any_=[RUN])), False),
        (LogFilter(level=LevelFilter(ge_=21), flow_run_id=IdFilter(any_=[RUN])), False),
        (
            LogFilter(
                level=LevelFilter(ge_=21),
                flow_run_id=IdFilter(any_=[RUN]),
                operator=Operator.or_,
            ),
            True,
        ),
    ],
)
def test_a_line_passes_or_not(given, expected):
    assert passes(LINE, given) is expected
