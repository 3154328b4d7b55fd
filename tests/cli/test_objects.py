"""`legato variable`, `artifact`, `concurrency-limit` and `global-concurrency-limit`."""

import pytest

from legato import flow
from legato.artifacts import create_markdown_artifact, create_table_artifact

EMPTY = {
    "variable": "There are no variables yet.\n",
    "artifact": "There are no artifacts with a key yet.\n",
    "concurrency-limit": "There are no concurrency limits of tags yet.\n",
    "global-concurrency-limit": "There are no concurrency limits yet.\n",
}
GCL = "global-concurrency-limit"


@pytest.mark.parametrize("noun", EMPTY)
def test_a_fresh_home_has_nothing_and_says_so(home, legato, noun):
    assert legato(noun, "ls") == (0, "", EMPTY[noun])
    assert legato(noun, "ls", "-o", "json").json == []


@pytest.mark.parametrize(
    "args",
    [
        ("variable", "get"), ("variable", "inspect"), ("variable", "unset"),
        ("variable", "delete"), ("artifact", "inspect"), ("artifact", "delete", "-y"),
        ("concurrency-limit", "inspect"), ("concurrency-limit", "reset"),
        ("concurrency-limit", "delete"), (GCL, "inspect"), (GCL, "enable"), (GCL, "disable"),
        (GCL, "delete"), (GCL, "update", "--limit", "3"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_an_error_that_says_how_to_list(home, legato, args):
    found = legato(*args, "nothing")
    assert (found.code, found.out) == (1, "")
    assert "'nothing'" in found.err
    assert f"legato {args[0]} ls" in found.err


def test_variables(home, legato):
    assert legato("variable", "set", "name", "text").err == "Set the variable 'name'.\n"
    legato("variable", "set", "limits", '{"a": [1, null]}', "--tag", "x", "--tag", "y")
    assert legato("variable", "get", "name").out == "text\n"
    assert legato("variable", "get", "limits").out == '{"a": [1, null]}\n'
    refused = legato("variable", "set", "name", "other")
    assert (refused.code, "--overwrite" in refused.err) == (1, True)
    legato("variable", "set", "name", "7", "--overwrite")
    listed = legato("variable", "ls", "-o", "json").json
    assert [(v["name"], v["value"], v["tags"]) for v in listed] == [
        ("limits", {"a": [1, None]}, ["x", "y"]),
        ("name", 7, []),
    ]
    assert "x, y" in legato("variable", "inspect", "limits").out
    assert legato("variable", "inspect", "name", "-o", "json").json["value"] == 7
    wrong = legato("variable", "get", "nmae")
    assert "did you mean name?" in wrong.err
    legato("variable", "unset", "name")
    assert [v["name"] for v in legato("variable", "ls", "-o", "json").json] == ["limits"]
    bad = legato("variable", "set", "Bad Name", "1")
    assert (bad.code, "lowercase" in bad.err) == (1, True)


def test_artifacts(home, legato):
    @flow
    def make():
        create_markdown_artifact("# one", key="report", description="first")
        create_markdown_artifact("# two\nlines", key="report")
        create_table_artifact([{"x": 1}], key="table")
        create_markdown_artifact("without a key")

    make()
    assert [a["key"] for a in legato("artifact", "ls", "-o", "json").json] == ["table", "report"]
    assert len(legato("artifact", "ls", "--all", "-o", "json").json) == 4
    shown = legato("artifact", "inspect", "report")
    assert shown.out.index("# two\n  lines") < shown.out.index("# one")
    versions = legato("artifact", "inspect", "report", "--limit", "1", "-o", "json").json
    assert [a["data"] for a in versions] == ["# two\nlines"]
    legato("artifact", "delete", "--id", versions[0]["id"])
    assert legato("artifact", "inspect", "report", "-o", "json").json[0]["data"] == "# one"
    assert legato("artifact", "delete", "report").code == 2  # there is no terminal to ask in
    legato("artifact", "delete", "report", "--yes")
    assert [a["key"] for a in legato("artifact", "ls", "-o", "json").json] == ["table"]
    assert legato("artifact", "delete").code == 2


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        (
            [{"day": "Mon", "sold": 3}, {"day": "Tue", "note": None}],
            ["day  sold  note", "Mon  3", "Tue"],
        ),
        (
            {"day": ["Mon", "Tue"], "ok": [True, {"x": 1}]},
            ["day  ok", "Mon  true", 'Tue  {"x": 1}'],
        ),
        ([["day", "sold"], ["Mon", 3, "more"]], ["day  sold", "Mon  3     more"]),
        ([], ["[]"]),
        ([{}], ["[{}]"]),
    ],
)
def test_the_data_of_a_table_is_shown_as_a_table(home, legato, table, shown):
    create_table_artifact(table, key="table")
    found = legato("artifact", "inspect", "table").out
    assert found.split("Data\n")[1].splitlines() == [f"  {line}" for line in shown]


def test_limits_of_tags(home, legato):
    assert "At most 2" in legato("concurrency-limit", "create", "db", "2").err
    legato("concurrency-limit", "create", "db", "3")
    assert "holds up all" in legato("concurrency-limit", "create", "none", "0").err
    listed = legato("concurrency-limit", "ls", "-o", "json").json
    assert [(x["tag"], x["concurrency_limit"]) for x in listed] == [("db", 3), ("none", 0)]
    assert [x["tag"] for x in legato("concurrency-limit", "ls", "--offset", "1", "-o", "json").json]
    assert "db" in legato("concurrency-limit", "inspect", "db").out
    assert legato("concurrency-limit", "inspect", "db", "-o", "json").json["active_slots"] == []
    assert "free" in legato("concurrency-limit", "reset", "db").err
    assert legato("concurrency-limit", "delete", "db").code == 0
    assert [x["tag"] for x in legato("concurrency-limit", "ls", "-o", "json").json] == ["none"]


def test_global_limits(home, legato, tmp_path):
    assert legato(GCL, "create", "api", "--limit", "5", "--slot-decay-per-second", "0.5").code == 0
    assert "update api" in legato(GCL, "create", "api", "-l", "1").err
    legato(GCL, "disable", "api")
    assert legato(GCL, "inspect", "api", "-o", "json").json["active"] is False
    legato(GCL, "enable", "api")
    legato(GCL, "update", "api", "--limit", "7")
    found = legato(GCL, "inspect", "api", "-o", "json").json
    assert (found["active"], found["limit"], found["slot_decay_per_second"]) == (True, 7, 0.5)
    assert "0 of 7" in legato(GCL, "inspect", "api").out
    legato(GCL, "inspect", "api", "--file", tmp_path / "api.json")
    assert '"limit":7' in (tmp_path / "api.json").read_text()
    assert legato(GCL, "update", "api").code == 2
    assert legato(GCL, "update", "api", "--enable", "--disable").code == 2
    assert "api" in legato(GCL, "ls").out
    assert legato(GCL, "delete", "api").code == 0
    assert legato(GCL, "ls", "-o", "json").json == []
