"""Events as they come, printed or added to a file."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Literal

import click

from legato._cli import times
from legato._cli.exits import Failure
from legato._cli.output import say
from legato._cli.tables import printable
from legato._model.events import RESOURCE_ID, RESOURCE_NAME
from legato._sdk.event_clients import get_events_subscriber

if TYPE_CHECKING:
    from legato._sdk.event_records import ReceivedEvent


async def follow(form: Literal["json", "text"], path: str | None, *, once: bool) -> None:
    """Print what comes from now on; `once`: one event."""
    with _opened(path) as file:
        async with get_events_subscriber() as subscriber:
            say("Following events; Ctrl-C ends that.")
            async for event in subscriber:
                click.echo(_json(event) if form == "json" else _text(event), file=file)
                if file is not None:
                    file.flush()
                if once:
                    return


@contextmanager
def _opened(path: str | None) -> Generator[IO[str] | None]:
    if path is None:
        yield None
        return
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise Failure(f"--output-file {path!r} cannot be written: {error.strerror}.") from None
    with file:
        yield file


def _json(event: ReceivedEvent) -> str:
    return json.dumps(event.model_dump(mode="json"), ensure_ascii=False)


def _text(event: ReceivedEvent) -> str:
    id_, name = event.resource[RESOURCE_ID], event.resource.get(RESOURCE_NAME)
    about = id_ if name is None else f"{id_} ({name})"
    return f"{times.exact(event.occurred)} | {printable(event.event)} | {printable(about)}"
