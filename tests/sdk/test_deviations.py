"""Where Prefect has a trap and Legato does what one would expect; see docs/compatibility.md."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from legato import flow, get_client, task
from legato.exceptions import FailedRun, ObjectNotFound, SerializationError
from legato.states import Cancelled, Failed, StateType

Rows = Callable[..., list[tuple[Any, ...]]]


@task
def broken() -> None:
    raise ValueError("no")


def test_a_task_that_returns_a_failed_state_raises_as_a_flow_does() -> None:
    @task
    def refuse_task() -> Any:
        return Failed(message="refused")

    @flow
    def refuse_flow() -> Any:
        return Failed(message="refused")

    @flow
    def job() -> None:
        refuse_task()

    for call in (job, refuse_flow):
        with pytest.raises(FailedRun, match="refused"):
            call()


def test_the_hook_of_a_returned_cancelled_state_runs() -> None:
    seen: list[str] = []

    @flow(on_cancellation=[lambda f, run, state: seen.append(state.name)])
    def give_up() -> Any:
        return Cancelled(message="no longer needed")

    assert give_up(return_state=True).type is StateType.CANCELLED
    assert seen == ["Cancelled"]


@pytest.mark.parametrize(
    "container",
    [
        lambda state: [state],
        lambda state: (state,),
        lambda state: {"a": state},
        lambda state: [[state]],
        lambda state: {"a": [state]},
    ],
    ids=["list", "tuple", "dict", "nested", "list in a dict"],
)
def test_every_container_of_a_failed_state_is_a_failure(container: Callable[[Any], Any]) -> None:
    @flow
    def job() -> Any:
        return container(broken(return_state=True))

    state = job(return_state=True)
    assert (state.type, state.message) == (StateType.FAILED, "1/1 states failed.")


def test_an_option_that_is_given_replaces_the_old_one_even_by_nothing() -> None:
    @flow(timeout_seconds=50)
    def job() -> None: ...

    @task(timeout_seconds=50, tags=["x"])
    def work() -> None: ...

    assert job.with_options(timeout_seconds=None).timeout_seconds is None
    assert work.with_options(timeout_seconds=None).timeout_seconds is None
    assert set(work.with_options(tags=[]).tags) == set()
    assert work.with_options(name="other").timeout_seconds == 50


def test_a_static_method_is_the_same_through_an_instance() -> None:
    class Shop:
        @flow
        @staticmethod
        def plain(x: int) -> int:
            return x + 1

    assert Shop.plain(1) == Shop().plain(1) == 2


def test_a_generator_given_to_a_task_arrives_untouched() -> None:
    @task
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    @task
    def total(xs: Any) -> int:
        return sum(xs)

    @flow
    def job() -> list[int]:
        return [total(count(5)), total(i for i in range(5))]

    assert job() == [10, 10]


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_a_result_that_cannot_be_stored_fails_the_run(rows: Rows, serializer: str) -> None:
    @task(persist_result=True, result_serializer=serializer)
    def lock() -> Any:
        return threading.Lock()

    @flow(persist_result=True, result_serializer=serializer)
    def job() -> Any:
        return lock(return_state=True).is_failed() and threading.Lock()

    with pytest.raises(SerializationError, match="lock"):
        job()
    for table in ("flow_run", "task_run"):
        ((name, message),) = rows(f"SELECT state_name, state_message FROM {table}")
        assert name == "Failed"
        assert message.startswith("The result could not be stored: SerializationError")


def test_whatever_a_serializer_of_the_users_raises_fails_the_run(rows: Rows) -> None:
    class Odd:
        type = "odd"

        def dumps(self, obj: Any) -> bytes:
            raise LookupError(obj)

        def loads(self, blob: bytes) -> Any:
            raise AssertionError(blob)

    @task(persist_result=True, result_serializer=Odd())
    def work() -> int:
        return 1

    with pytest.raises(LookupError):
        work()
    assert rows("SELECT state_name FROM task_run") == [("Failed",)]


def test_a_flow_that_does_not_exist_is_not_found_like_all_else() -> None:
    with get_client(sync_client=True) as client:
        with pytest.raises(ObjectNotFound):
            client.read_flow(uuid4())
        with pytest.raises(ObjectNotFound):
            client.read_flow_by_name("no such flow")


@pytest.mark.parametrize("decorate", [flow, task])
def test_retries_that_are_no_number_are_refused_where_they_are_written(decorate: Any) -> None:
    with pytest.raises(TypeError, match="retries must be a whole number, not 'x'"):
        decorate(retries="x")(lambda: 1)
