"""`legato task-run succeed`."""

from __future__ import annotations

import json
from typing import Any

from legato._cli.exits import Failure, Misuse
from legato._cli.finding import find_task_run
from legato._cli.output import say
from legato._sdk.client import get_client
from legato._sdk.exceptions import ObjectAlreadyExists
from legato._sdk.marking import mark_succeeded


def succeed(text: str, value: str, reason: str | None) -> None:
    """Mark a task run as succeeded, or say why that cannot be."""
    given = _value(value)
    with get_client(sync_client=True) as client:
        run = find_task_run(client, text)
    try:
        mark_succeeded(run.id, given, reason=reason)
    except ObjectAlreadyExists as error:
        raise Failure(str(error)) from None
    except ValueError as error:
        raise Misuse(f"--value: {error}") from None
    say(f"Marked the task run {run.name!r} as succeeded ({run.id}).")
    say(f"To go on from it: legato flow-run rerun {run.flow_run_id}")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Misuse(f"--value {text!r} is not JSON. Text needs quotes: '\"text\"'.") from None
