"""The long history that benchmarks are run on is one that Legato reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from legato._control.registry import handler_of
from legato._model.filters import FlowRunSort
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._model.operations.logs import FilterLogs
from legato._model.operations.task_runs import CountTaskRuns
from legato._store.sqlite import SqliteStore
from tests.store.records import now

SEED = Path(__file__).parents[2] / "benchmarks" / "seed.py"


def test_a_seeded_database_is_read(tmp_path):
    path = tmp_path / "legato.db"
    command = [sys.executable, SEED, path, "--flow-runs", "20", "--tasks", "2"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    store = SqliteStore(path)

    def answer(operation):
        return store.read(lambda tx: handler_of(operation)(tx, now(), operation))

    try:
        assert answer(CountFlowRuns()) == 20
        assert answer(CountTaskRuns()) == 40
        (newest,) = answer(FilterFlowRuns(sort=FlowRunSort.START_TIME_DESC, limit=1))
        assert str(newest.id) == told["newest"]
        assert newest.tags == ["team-19"]
        assert len(answer(FilterLogs())) == 200
    finally:
        store.close()
