"""One run: found by what people type, inspected, its log lines, deleted."""

import signal
import sys

import pytest

from legato import flow, task


@pytest.fixture
def ids(recorded, legato):
    runs = legato("flow-run", "ls", "-o", "json").json
    return {run["name"]: run["id"] for run in runs}


def test_a_run_is_found_by_id_beginning_and_name(recorded, legato, ids):
    full = ids["etl-1"]
    others = [other for name, other in ids.items() if name != "etl-1"]
    shared = max(len(_common(full, other)) for other in others)
    for word in (full, full.upper(), full.replace("-", ""), full[: shared + 1], "etl-1"):
        found = legato("flow-run", "inspect", word, "-o", "json")
        assert found.code == 0, found.err
        assert found.json["id"] == full


def _common(a, b):
    return a[: next((i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))]


def test_several_runs_are_listed_and_none_is_taken(recorded, legato, ids):
    found = legato("flow-run", "inspect", "twin")
    assert (found.code, found.out) == (2, "")
    assert "more than one flow run" in found.err
    assert ids["twin"] in found.err
    assert len(found.err.splitlines()) == 3
    found = legato("flow-run", "logs", ids["etl-1"][:6])
    assert found.code == 2
    assert len(found.err.splitlines()) == 6


@pytest.mark.parametrize(
    "word",
    ["etl-11", "nothing like it", "0000ffff", "7a3f0c1e-" + "0" * 4 + "-4000-8000-" + "0" * 12, ""],
)
@pytest.mark.parametrize("command", ["inspect", "logs", "delete"])
def test_no_run_says_how_to_list_them(recorded, legato, command, word):
    found = legato("flow-run", command, word)
    assert (found.code, found.out) == (1, "")
    assert "legato flow-run ls" in found.err
    assert ("did you mean etl-1 or" in found.err) == (word == "etl-11")


def test_inspect_tells_all(recorded, legato):
    found = legato("flow-run", "inspect", "etl--1")
    lines = [line.split(maxsplit=1) for line in found.out.splitlines()]
    told = {line[0]: line[1] for line in lines if len(line) == 2}
    assert told["State"] == "Failed"
    assert "negative" in told["Message"]
    assert told["n"] == "= -1"
    assert told["Task"] == "runs    1 Completed, 1 Failed"
    history = [line.split()[2] for line in found.out.partition("History")[2].splitlines() if line]
    assert history == ["Pending", "Running", "Failed"]
    plain = legato("flow-run", "inspect", "etl--1", "-o", "json").json
    assert plain["flow_name"] == "etl"
    assert plain["task_run_counts"] == {"COMPLETED": 1, "FAILED": 1}
    assert [state["name"] for state in plain["states"]] == history


def test_inspect_a_task_run(recorded, legato):
    [run] = legato("task-run", "ls", "--state", "failed", "-o", "json").json
    plain = legato("task-run", "inspect", run["id"], "-o", "json").json
    assert plain["flow_run_name"] == "etl--1"
    assert [state["type"] for state in plain["states"]] == ["PENDING", "RUNNING", "FAILED"]
    assert plain["tags"] == ["nightly", "slow"]
    found = legato("task-run", "inspect", run["id"])
    assert "etl--1" in found.out
    assert legato("task-run", "inspect", "load-0").code == 2
    assert legato("task-run", "inspect", "lode-0").err.count("load-0") == 1


def test_logs(recorded, legato, ids):
    found = legato("flow-run", "logs", ids["twin"])
    lines = [line.split(" | ") for line in found.out.splitlines()]
    assert [line[-1] for line in lines][1:3] == ["line one of x", "line two"]
    assert {line[1].strip() for line in lines} == {"INFO"}
    assert lines == sorted(lines, key=lambda line: line[0])
    plain = legato("flow-run", "logs", ids["twin"], "-o", "json").json
    assert [line["message"] for line in plain] == [line[-1] for line in lines]
    tail = legato("flow-run", "logs", ids["twin"], "--tail", 2).out.splitlines()
    assert tail == found.out.splitlines()[-2:]
    followed = legato("flow-run", "logs", ids["twin"], "--tail", 2, "--follow").out.splitlines()
    assert followed == tail


def test_logs_of_a_level(recorded, legato):
    found = legato("flow-run", "logs", "etl--1", "--level", "error")
    assert {line.split(" | ")[1].strip() for line in found.out.splitlines()} == {"ERROR"}
    found = legato("flow-run", "logs", "etl-1", "--level", "CRITICAL")
    assert (found.code, found.out) == (0, "")
    assert "no log lines" in found.err
    assert "did you mean ERROR" in legato("flow-run", "logs", "etl-1", "--level", "eror").err


def test_log_lines_page_by_page_with_equal_times(home, legato, monkeypatch):
    from legato._cli import log_lines

    monkeypatch.setattr(log_lines, "PAGE", 3)

    @flow(log_prints=True)
    def chatty():
        for n in range(20):
            print(n)

    chatty()
    run = legato("flow-run", "ls", "-o", "json").json[0]
    lines = legato("flow-run", "logs", run["name"], "-o", "json").json
    assert [line["message"] for line in lines][1:-1] == [str(n) for n in range(20)]


def test_what_would_change_the_terminal_is_written_out(home, legato):
    @flow(name="bad\x1b[31m", flow_run_name="red\x1b[2J\nx", log_prints=True)
    def red():
        print("a\tb\x1b]0;title\x07")

    red()
    for args in (["flow-run", "ls"], ["flow-run", "inspect", "red\x1b[2J\nx"], ["flow", "ls"]):
        found = legato(*args)
        assert found.code == 0
        assert "\x1b" not in found.out
        assert "\\x1b" in found.out
    found = legato("flow-run", "logs", "red\x1b[2J\nx")
    assert "a\tb\\x1b]0;title\\x07" in found.out


def test_delete_asks_and_only_in_a_terminal(home, legato, monkeypatch):
    @flow(flow_run_name="gone-{n}")
    def gone(n: int):
        return n

    for n in range(3):
        gone(n)
    found = legato("flow-run", "delete", "gone-0")
    assert found.code == 2
    assert "--yes" in found.err
    found = legato("flow-run", "delete", "gone-0", "gone-1", "--yes")
    assert (found.code, found.out) == (0, "")
    assert found.err.count("Deleted") == 2
    assert [run["name"] for run in legato("flow-run", "ls", "-o", "json").json] == ["gone-2"]
    for answer, code in (("n\n", 1), ("y\n", 0)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr(sys, "stderr", Terminal(""))
        found = legato("flow-run", "delete", "gone-2")
        assert found.code == code
    assert legato("flow-run", "ls", "-o", "json").json == []


def test_a_deletion_that_was_killed_is_done_by_the_next(home, legato, process):
    @task
    def step():
        return None

    @flow(flow_run_name="large")
    def large():
        for _ in range(500):
            step()

    large()
    delete = ("flow-run", "delete", "large", "--yes")
    assert process(*delete, LEGATO_FAILPOINTS="store.after_commit=kill:1").code == -signal.SIGKILL
    assert 0 < len(legato("task-run", "ls", "--limit", 1000, "-o", "json").json) < 500
    assert legato(*delete).code == 0
    assert legato("flow-run", "ls", "-o", "json").json == []


class Terminal:
    """A stream that is one, as far as anyone asks."""

    def __init__(self, text):
        self._text = text

    def isatty(self):
        return True

    def readline(self, *_):
        text, self._text = self._text, ""
        return text

    def write(self, text):
        return len(text)

    def flush(self):
        pass
