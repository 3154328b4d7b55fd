"""Mistakes are refused where they are made, and told with the way out.

What is printed of them stands on docs/mistakes.md, and is compared in tests/docs.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from typing import Any

import pytest

from legato import flow, tags, task
from legato.exceptions import MissingResult, NotAwaitedError, ParameterBindError
from legato.states import Completed


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("web", "tags must be a list of strings, not the text 'web': write ['web']."),
        (3, "tags must be a list of strings, not 3."),
        (["a", 3], "tags must be strings, but 3 is none."),
    ],
)
def test_tags_that_are_none_are_refused_with_their_value(given: Any, told: str) -> None:
    with pytest.raises(TypeError) as caught:
        task(tags=given)(lambda: 1)
    assert str(caught.value) == told


def test_tags_of_a_block_are_checked_too() -> None:
    wrong: Any = ["nightly"]
    with pytest.raises(TypeError, match="tags must be strings, but"), tags(wrong):
        pass


@pytest.mark.parametrize("given", [["a", "b"], ("a", "b"), {"a", "b"}, iter(["a", "b"])])
def test_every_iterable_of_tags_is_taken(given: Any) -> None:
    assert task(tags=given)(lambda: 1).tags == {"a", "b"}


@pytest.mark.parametrize("decorate", [flow, task])
def test_a_class_is_refused(decorate: Any) -> None:
    class Report: ...

    with pytest.raises(TypeError, match="not on the class Report") as caught:
        decorate(Report)
    assert "on a method of it" in notes(caught.value)


def test_an_object_that_can_be_called_is_taken() -> None:
    class Adder:
        def __call__(self, x: int) -> int:
            return x + 1

    assert flow(Adder())(1) == 2


def test_an_option_without_its_name_is_told_how_to_write_it() -> None:
    wrong: Any = "fetch"
    with pytest.raises(TypeError) as caught:
        task(wrong)
    assert "@task(name='fetch')" in notes(caught.value)


def test_a_keyword_that_is_nearly_a_parameter_is_named() -> None:
    @flow
    def report(day: str, *, limit: int = 1) -> None: ...

    wrong: Any = report
    with pytest.raises(ParameterBindError, match="Did you mean 'limit' by 'limti'"):
        wrong("Monday", limti=3)


@pytest.mark.parametrize("several", [True, False])
def test_wait_for_refuses_a_task_and_text(several: bool) -> None:
    @task
    def create() -> int:
        return 1

    @flow
    def load(given: Any) -> Any:
        return create.submit(wait_for=[given] if several else given)

    with pytest.raises(TypeError, match=r"give what create\.submit\(\.\.\.\) returned"):
        load(create)
    if not several:
        with pytest.raises(TypeError, match="not the text 'create'"):
            load("create")


def test_wait_for_takes_what_has_ended() -> None:
    @task
    def work() -> int:
        return 1

    @flow
    def load() -> list[int]:
        waits: list[Any] = [work.submit(), [work(), Completed(data=1)]]
        return [work.submit(wait_for=wait).result() for wait in waits]

    assert load() == [1, 1]


def test_a_future_used_as_a_value_is_explained_once() -> None:
    @task
    def work() -> int:
        return 1

    @flow
    def report() -> int:
        wrong: Any = work.submit()
        return int(wrong + 1)

    with pytest.raises(TypeError) as caught:
        report()
    assert len(caught.value.__notes__) == 1
    assert "future.result()" in notes(caught.value)


def test_errors_of_the_users_own_get_no_advice() -> None:
    @flow
    def report() -> None:
        raise TypeError("a plain mistake")

    with pytest.raises(TypeError) as caught:
        report()
    assert notes(caught.value) == ""


def test_the_traceback_of_a_coroutine_that_nobody_awaited_ends_where_it_was_made() -> None:
    @task
    async def fetch() -> int:
        return 1

    @flow
    async def report() -> None:
        fetch()  # type: ignore[unused-coroutine]
        await asyncio.sleep(0)

    with pytest.raises(NotAwaitedError) as caught:
        asyncio.run(report())
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.name, (last.line or "").partition("  #")[0]) == ("report", "fetch()")


def test_a_coroutine_has_the_name_of_its_task() -> None:
    @task
    async def fetch() -> int:
        return 1

    coroutine: Any = fetch()
    assert coroutine.__qualname__ == "fetch"
    assert asyncio.run(coroutine) == 1


def test_a_value_that_is_not_known_here_is_told_where_it_is() -> None:
    with pytest.raises(MissingResult) as caught:
        Completed().result()
    assert "where the run was called" in notes(caught.value)


HOOKS = """
import sys

def theirs(kind, exc, traceback):
    print("theirs", file=sys.stderr)
    {rest}

{before}
from legato import flow, get_run_logger

@flow
def report():
    raise ValueError("no")

report(return_state=True)
previous = sys.excepthook
{after}
try:
    report()
except ValueError:
    pass
{last}
"""
CHAINED, ALONE, SET = "previous(kind, exc, traceback)", "pass", "sys.excepthook = theirs"


@pytest.mark.parametrize(
    ("parts", "theirs", "printed"),
    [
        ({"before": SET, "rest": ALONE}, 1, 0),
        ({"after": SET, "rest": ALONE}, 1, 0),
        ({"after": SET, "rest": CHAINED}, 1, 1),
        ({}, 0, 1),
    ],
)
def test_other_hooks_of_uncaught_errors_are_called_once(
    parts: dict[str, str], theirs: int, printed: int
) -> None:
    given = {"before": "", "after": "", "rest": ALONE, "last": "get_run_logger()", **parts}
    done = subprocess.run(
        [sys.executable, "-c", HOOKS.format(**given)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("theirs\n") == theirs
    assert done.stderr.count("legato.exceptions.MissingContextError") == printed
    assert "_sdk" not in done.stderr


def test_a_bad_setting_does_not_hide_the_error() -> None:
    code = "from legato import get_run_logger; get_run_logger()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"LEGATO_DEBUG": "perhaps", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert "MissingContextError" in done.stderr
    assert "sys.excepthook" not in done.stderr
