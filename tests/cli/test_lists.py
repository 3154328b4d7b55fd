"""Lists: empty, narrowed, limited; as a table and as JSON."""

import pytest

LISTS = ["flow-run", "task-run", "flow"]


@pytest.mark.parametrize("noun", LISTS)
def test_a_fresh_home_has_nothing_and_says_so(home, legato, noun):
    found = legato(noun, "ls")
    assert (found.code, found.out) == (0, "")
    assert found.err == f"There are no {noun.replace('-', ' ')}s yet.\n"
    found = legato(noun, "ls", "-o", "json", "--tag", "x")
    assert (found.code, found.json) == (0, [])
    assert found.err.startswith("No ")


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ([], ["twin", "twin", "etl--1", "etl-2", "etl-1"]),
        (["--limit", "2"], ["twin", "twin"]),
        (["--flow", "etl"], ["etl--1", "etl-2", "etl-1"]),
        (["--flow", "etl", "--flow", "report"], ["twin", "twin", "etl--1", "etl-2", "etl-1"]),
        (["--state", "failed"], ["etl--1"]),
        (["--state", "FAILED", "--state", "Cached"], ["etl--1"]),
        (["--state", "Completed", "--flow", "etl"], ["etl-2", "etl-1"]),
        (["--tag", "a"], ["twin"]),
        (["--tag", "a", "--tag", "b"], ["twin"]),
        (["--tag", "a", "--tag", "c"], []),
    ],
)
def test_flow_runs_newest_first(recorded, legato, args, names):
    found = legato("flow-run", "ls", *args, "-o", "json")
    assert found.code == 0
    assert [run["name"] for run in found.json] == names
    assert bool(found.err) == (not names or "--limit" in args)


def test_the_shape_of_a_flow_run(recorded, legato):
    [run] = legato("flow-run", "ls", "--tag", "a", "-o", "json").json
    assert run["flow_name"] == "report"
    assert run["state_type"] == "COMPLETED"
    assert run["state"]["name"] == "Completed"
    assert run["parameters"] == {"title": "x"}
    assert run["tags"] == ["a", "b"]
    assert run["start_time"].endswith("Z")
    assert run["end_time"] >= run["start_time"]


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ([], ["load-0", "extract-0"] * 3),
        (["--flow-run", "etl-2"], ["load-0", "extract-0"]),
        (["--state", "FAILED"], ["load-0"]),
        (["--tag", "slow"], ["load-0"] * 3),
        (["--tag", "nightly", "--limit", "1"], ["load-0"]),
        (["--flow", "report"], []),
    ],
)
def test_task_runs_newest_first(recorded, legato, args, names):
    found = legato("task-run", "ls", *args, "-o", "json").json
    assert [run["name"] for run in found] == names
    assert {run["flow_run_name"] for run in found} <= {"etl-1", "etl-2", "etl--1"}


def test_flows_newest_first(recorded, legato):
    found = legato("flow", "ls", "-o", "json")
    assert [flow["name"] for flow in found.json] == ["report", "etl"]
    assert len(legato("flow", "ls", "--limit", "1", "-o", "json").json) == 1


def test_a_table_is_aligned_and_not_cut_where_there_is_no_terminal(recorded, legato, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    found = legato("flow-run", "ls")
    head, *lines = found.out.splitlines()
    assert head.split() == ["NAME", "FLOW", "STATE", "STARTED", "DURATION", "ID"]
    assert len(lines) == 5
    at = head.index("ID")
    assert all(len(line) == at + 36 and line[at - 2 : at] == "  " for line in lines)
    assert "\x1b" not in found.out
    assert not found.err


def test_a_list_that_goes_on_says_so(recorded, legato):
    found = legato("task-run", "ls", "--limit", "2")
    assert len(found.out.splitlines()) == 3
    assert found.err == "These are the newest 2 task runs; --limit shows more.\n"
    one = legato("flow-run", "ls", "--limit", "1")
    assert one.err == "This is the newest one; --limit shows more.\n"


def test_a_state_that_does_not_exist_names_the_nearest(recorded, legato):
    found = legato("flow-run", "ls", "--state", "Complted")
    assert (found.code, found.out) == (0, "")
    assert "did you mean Completed or Committed?" in found.err


def test_more_than_a_page(home, legato, monkeypatch):
    from legato import task
    from legato._cli import listing

    monkeypatch.setattr(listing, "PAGE", 7)

    @task
    def step(n):
        return n

    for n in range(20):
        step(n)
    assert len(legato("task-run", "ls", "--limit", 500, "-o", "json").json) == 20
    found = legato("task-run", "ls", "--limit", 15, "-o", "json")
    assert len({run["id"] for run in found.json}) == 15
