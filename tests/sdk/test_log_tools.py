"""Loggers of runs that are not active, and the tools for tests of code that logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from legato import flow, get_client, get_run_logger, task
from legato._sdk.log_handlers import RunFormatter
from legato.exceptions import MissingContextError
from legato.logging import LogEavesdropper, disable_run_logger
from legato.logging.loggers import (
    PrefectLogAdapter,
    disable_logger,
    flow_run_logger,
    task_run_logger,
)

Rows = Callable[..., list[tuple[Any, ...]]]


@task
def load() -> int:
    get_run_logger().info("loading")
    return 1


@flow
def etl() -> int:
    return load()


def lines(rows: Rows) -> list[str]:
    return [text for (text,) in rows("select message from log")]


def test_a_line_can_be_given_to_a_flow_run_that_has_ended(rows: Rows) -> None:
    etl()
    client = get_client(sync_client=True)
    (run,) = client.read_flow_runs()
    logger = flow_run_logger(run, etl, job=5)
    with LogEavesdropper("legato.flow_runs") as heard:
        heard.setFormatter(logging.Formatter("%(flow_name)s %(flow_run_name)s %(job)s %(message)s"))
        logger.warning("picked up %s", "later")
    assert heard.text() == f"etl {run.name} 5 picked up later"
    found = rows("select message from log where level = 30 and task_run_id is null")
    assert found == [("picked up later",)]
    flow_run_logger(flow_run_id=run.id).error("by its id")
    assert rows("select count(distinct flow_run_id) from log") == [(1,)]


def test_a_line_can_be_given_to_a_task_run(rows: Rows) -> None:
    etl()
    client = get_client(sync_client=True)
    (run,) = client.read_task_runs()
    with LogEavesdropper("legato") as heard:
        heard.setFormatter(RunFormatter())
        task_run_logger(run, load).warning("seen")
    assert heard.text().endswith(f"| WARNING | Task run {run.name!r} - seen")
    assert rows(
        "select l.message from log l join task_run t on t.id = l.task_run_id"
        " and t.flow_run_id = l.flow_run_id where l.level = 30"
    ) == [("seen",)]


def test_a_hook_can_log_under_the_run_that_it_is_given(rows: Rows) -> None:
    def tell(flow: Any, flow_run: Any, state: Any) -> None:
        flow_run_logger(flow_run, flow).info("told of %s", state.name)

    flow(on_completion=[tell])(etl.fn)()
    assert "told of Completed" in lines(rows)


def test_without_a_run_there_is_no_logger_for_it() -> None:
    with pytest.raises(ValueError, match="`flow_run` or `flow_run_id`"):
        flow_run_logger()


def test_functions_that_log_can_be_called_outside_of_runs(
    rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MissingContextError):
        load.fn()
    with disable_run_logger():
        assert load.fn() == 1
        assert etl() == 1
    with pytest.raises(MissingContextError):
        load.fn()
    assert "loading" not in caplog.messages
    assert "loading" not in lines(rows)


def test_a_logger_is_off_within_the_block_only() -> None:
    name = f"off-{uuid4()}"
    with LogEavesdropper(name) as heard:
        with disable_logger(name):
            logging.getLogger(name).warning("one")
        logging.getLogger(name).warning("two")
    logging.getLogger(name).warning("three")
    assert heard.text() == "two"


def test_an_adapter_carries_what_it_was_given_and_more() -> None:
    name = f"adapted-{uuid4()}"
    adapter = PrefectLogAdapter(logging.getLogger(name), {"a": 1})
    with LogEavesdropper(name) as heard:
        heard.setFormatter(logging.Formatter("%(name)s %(a)s %(b)s %(c)s"))
        adapter.getChild("child", {"b": 2}).warning("x", extra={"c": 3})
    assert heard.text() == f"{name}.child 1 2 3"
