"""`legato run`: which flow, with which parameters, and how it ends."""

import json
import textwrap

import pytest

from legato import flow
from legato._cli import loading
from legato._cli.arguments import arguments, value_of
from legato._cli.exits import Misuse

FLOWS = """
import sys
from legato import flow, task
from legato.states import Cancelled, Failed

@task
def double(n):
    return 2 * n

@flow(name="the sum")
def add(a: int, b: int = 10) -> int:
    return double(a) + b

@flow
async def later(name: str):
    return {"name": name, "module": __name__}

@flow
def bad():
    inner()

@flow
def inner():
    raise ValueError("no good")

@flow
def cancelled():
    return Cancelled(message="enough")

@flow
def failed():
    return Failed(message="not good enough")

@flow
def leaves(how):
    sys.exit(how)

@flow
def counts(to: int):
    for n in range(to):
        yield double(n)

@flow
async def acounts(to: int):
    for n in range(to):
        yield double(n)
    if to > 3:
        raise ValueError("too many")

@flow
def odd():
    return {1, 2} if False else object

if __name__ == "__main__":
    raise RuntimeError("this is no script")
"""


LOSSY = """
from legato import flow
from legato._backend.current import current
from legato._model.errors import StoreFull

def broken(batch):
    raise StoreFull("no room")

@flow
def lossy():
    journal = current().journal
    journal.flush()
    journal._drain._sink = broken
    journal._spool._open_file = None
"""


@pytest.fixture
def file(tmp_path, home):
    path = tmp_path / "work" / "my_flows.py"
    path.write_text(FLOWS)
    return path


@pytest.mark.parametrize(
    ("args", "code", "out", "err"),
    [
        (["add", "-p", "a=1"], 0, "", "Completed"),
        (["the sum", "-p", "a=1", "-p", "b=2", "--print-result"], 0, "4\n", "Completed"),
        (["add", "-p", "a=x"], 1, "", " - a: "),
        (
            ["later", "--param", "name=12", "--print-result"],
            0,
            '{"name": "12", "module": "my_flows"}\n',
            "Completed",
        ),
        (["bad", "--print-result"], 1, "", "ValueError: no good"),
        (["failed"], 1, "", "not good enough"),
        (["cancelled"], 4, "", "enough"),
        (["leaves", "-p", "how=0"], 1, "", "Crashed"),
        (["leaves", "-p", "how=that is it"], 1, "", "that is it\n"),
        (["odd", "--print-result"], 0, "<class 'object'>\n", "Completed"),
        (["later"], 2, "", "needs --param name=..."),
        (["counts", "-p", "to=3", "--print-result"], 0, "[0, 2, 4]\n", "Completed"),
        (["acounts", "-p", "to=3", "--print-result"], 0, "[0, 2, 4]\n", "Completed"),
        (["acounts", "-p", "to=4"], 1, "", "ValueError: too many"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_exit_status_says_how_it_ended(file, process, args, code, out, err):
    found = process("run", f"{file}:{args[0]}", *args[1:])
    assert found.code == code, found
    assert found.out == out
    assert err in found.err
    assert "\x1b" not in found.err


def test_a_failure_shows_the_users_lines_once(file, process):
    found = process("run", f"{file}:bad")
    assert found.err.count("Traceback") == 1
    assert found.err.count('File "') == 2
    assert "_sdk" not in found.err
    debug = process("run", f"{file}:bad", LEGATO_DEBUG="1")
    assert "_sdk" in debug.err


def test_the_run_is_recorded(file, process, legato):
    assert process("run", f"{file}:add", "-p", "a=1").code == 0
    [run] = legato("flow-run", "ls", "-o", "json").json
    assert run["parameters"] == {"a": 1, "b": 10}
    assert run["flow_name"] == "the sum"


def test_what_cannot_be_recorded_is_an_exit_status_of_its_own(file, process):
    file.write_text(LOSSY)
    found = process("run", file)
    assert found.code == 3, found
    assert "records could not be stored" in found.err


def test_what_waits_in_the_spool_leaves_the_status_to_the_run(file, process, legato, home):
    (home / "legato.db").mkdir(parents=True)
    found = process("run", f"{file}:add", "-p", "a=1")
    assert found.code == 0, found
    assert "`legato spool send`" in found.err
    [waiting] = legato("spool", "ls", "-o", "json").json
    assert (waiting["status"], waiting["path"] in found.err) == ("waits", True)
    assert legato("spool", "send").code == 1  # the database is still out of use
    (home / "legato.db").rmdir()
    sent = process("spool", "send", "-o", "json")
    assert (sent.code, '"delivered"' in sent.out) == (0, True)
    [run] = legato("flow-run", "ls", "-o", "json").json
    assert run["state_name"] == "Completed"
    assert process("spool", "ls").err == "Nothing waits in the spool.\n"


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("def f(:\n", ["SyntaxError", 'broken.py", line 1']),
        ("import other\n", ["ZeroDivisionError", 'broken.py", line 1', 'other.py", line 2']),
        ("import nothing_like_it\n", ["ModuleNotFoundError", 'broken.py", line 1']),
        ("raise SystemExit('needs the data')\n", ["needs the data"]),
    ],
)
def test_a_file_that_cannot_be_imported_shows_its_own_lines(file, process, text, hints):
    file.with_name("other.py").write_text("def g(): 1 / 0\ng()\n")
    path = file.with_name("broken.py")
    path.write_text(text)
    found = process("run", path)
    assert (found.code, found.out) == (1, "")
    for hint in hints:
        assert hint in found.err
    assert "_cli" not in found.err
    assert "importlib" not in found.err


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("my_flow.py", "did you mean my_flows.py?"),
        ("zzz.py", "There is no file zzz.py in ."),
        ("nowhere/my_flows.py", "There is no folder nowhere."),
        (".", ". is a folder"),
        ("my_flows.py", "legato run my_flows.py:add"),
        ("my_flows.py:ad", "did you mean"),
        ("empty.py", "put @flow on a function"),
    ],
)
def test_what_is_not_there_names_the_nearest(file, legato, target, hint):
    file.with_name("empty.py").write_text("")
    found = legato("run", target)
    assert (found.code, found.out) == (2, "")
    assert hint in found.err


def test_a_file_may_be_called_like_a_module(file, process):
    for name in ("json.py", "legato.py", "my flow.py"):
        path = file.with_name(name)
        path.write_text(
            "from legato._sdk.flow import flow\n@flow\ndef f():\n    import json\n"
            "    return json.dumps(1)\n"
        )
        found = process("run", path, "--print-result")
        assert (found.code, found.out) == (0, '"1"\n'), found


def module(text, name="made"):
    from types import ModuleType

    made = ModuleType(name)
    exec(textwrap.dedent(text), made.__dict__)
    return made


def test_the_only_flow_of_a_file_is_not_one_that_it_imports():
    library = module("from legato import flow\n@flow\ndef shared(): ...", "library")
    made = module("from legato import flow\n@flow\ndef mine(): ...\nagain = mine")
    made.shared = library.shared
    assert loading.pick(loading.flows_of(made), "x.py", None) is made.mine
    only_imported = module("")
    only_imported.shared = library.shared
    assert loading.pick(loading.flows_of(only_imported), "x.py", "shared") is library.shared


def test_a_target_is_split_at_the_last_colon(tmp_path):
    assert loading.split("a.py") == ("a.py", None)
    assert loading.split("a.py:my-flow") == ("a.py", "my-flow")
    assert loading.split("a:b/c.py") == ("a:b/c.py", None)
    odd = tmp_path / "a:b.py"
    odd.touch()
    assert loading.split(str(odd)) == (str(odd), None)


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("1", None, 1),
        ("1", int, 1),
        ("1", str, "1"),
        ("null", str, "null"),
        ("null", str | None, None),
        ("true", str | None, "true"),
        ("true", bool, True),
        ('{"a": [1]}', dict, {"a": [1]}),
        ("{a}", dict, "{a}"),
        ("NaN", float, "NaN"),
        ("", int, ""),
        ("a=b", None, "a=b"),
        ("2026-01-01", None, "2026-01-01"),
    ],
)
def test_values_are_json_or_text(text, hint, value):
    assert value_of(text, hint) == value


@flow
def takes(a: int, /, b: "str", *rest: int, c: float = 1.0, **more: int):
    return a, b, rest, c, more


@flow
def plain(n, limit=3):
    return n


def test_arguments_are_passed_as_the_function_wants_them():
    args, kwargs = arguments(takes, ["a=1", "b=2", "z=3"])
    assert (args, kwargs) == ((1,), {"b": "2", "z": 3})
    assert arguments(plain, ["n=" + json.dumps([1])]) == ((), {"n": [1]})


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (["n=1", "limt=2"], "did you mean limit? It has: n, limit."),
        (["n"], "is not NAME=VALUE"),
        (["=1"], "is not NAME=VALUE"),
        (["n=1", "n=2"], "given twice"),
        ([], "needs --param n=..."),
    ],
)
def test_arguments_that_do_not_fit(given, hint):
    with pytest.raises(Misuse, match=hint.replace("?", r"\?")):
        arguments(plain, given)
