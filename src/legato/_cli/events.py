"""`legato event`: emit, stream."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

import click

from legato._cli.exits import Misuse
from legato._cli.groups import Noun
from legato._cli.options import Output, output_option

_ID, _ROLE = "prefect.resource.id", "prefect.resource.role"


@click.group("event", cls=Noun)
def command() -> None:
    """Emit an event, and print events as they come."""


@command.command("emit")
@click.argument("event")
@click.option(
    "-r",
    "--resource",
    "labels",
    multiple=True,
    metavar="LABEL",
    help="A label of the resource, as KEY=VALUE, or several as a JSON object; may be repeated.",
)
@click.option("--resource-id", metavar="ID", help="The label prefect.resource.id of the resource.")
@click.option("--related", metavar="JSON", help="The related resources: a list of JSON objects.")
@click.option("-p", "--payload", metavar="JSON", help="More about it: a JSON object.")
@output_option
def emit(
    event: str,
    labels: tuple[str, ...],
    resource_id: str | None,
    related: str | None,
    payload: str | None,
    output: Output,
) -> None:
    """Tell that the event named EVENT happened to a resource."""
    from legato._cli.output import print_json, say
    from legato._sdk.events import emit_event
    from legato._sdk.records import ValidationError

    resource = _resource(labels, resource_id)
    others = _related(related)
    said = _object("--payload", payload) if payload is not None else {}
    try:
        emitted = emit_event(event, resource, related=others, payload=said)
    except ValidationError as error:
        raise Misuse(str(error)) from None
    _keep()
    if output == "json":
        print_json(emitted.model_dump(mode="json"))
    else:
        say(f"Emitted the event {event!r}, whose id is {emitted.id}.")


@command.command("stream")
@click.option(
    "-o",
    "--format",
    "--output",
    "form",
    type=click.Choice(["json", "text"]),
    default="json",
    show_default=True,
    help="A JSON object in each line, or lines for people.",
)
@click.option(
    "--output-file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Add them to this file, rather than print them.",
)
@click.option("--run-once", is_flag=True, help="End after one event.")
def stream(form: Literal["json", "text"], output_file: str | None, run_once: bool) -> None:
    """Print events as they come, until it is interrupted."""
    import asyncio

    from legato._cli.event_stream import follow

    asyncio.run(follow(form, output_file, once=run_once))


def _keep() -> None:
    """Return when the event is stored, or waits for the store to work again."""
    from legato._cli.output import say
    from legato._sdk.services import backend

    journal = backend().journal
    journal.flush()
    if journal.spooled[0]:
        say("What records it cannot be had now; the event waits on this machine and is told later.")


def _resource(labels: tuple[str, ...], resource_id: str | None) -> dict[str, str]:
    found: dict[str, Any] = {}
    for label in labels:
        if label.lstrip().startswith("{"):
            found |= _object("--resource", label)
            continue
        key, equals, value = label.partition("=")
        if not equals or not key.strip():
            raise Misuse(f"--resource {label!r} is neither KEY=VALUE nor a JSON object.")
        found[key.strip()] = value
    if resource_id is not None:
        found[_ID] = resource_id
    if _ID not in found:
        raise Misuse("An event happens to a resource: --resource-id ID says to which.")
    return found


def _related(text: str | None) -> list[dict[str, str]]:
    """Return the related resources; one alone may stand without brackets."""
    listed: Any = [] if text is None else _json("--related", text)
    if not isinstance(listed, list):
        listed = [listed]
    for one in cast("list[Any]", listed):
        if not isinstance(one, dict) or _ID not in one or _ROLE not in one:
            shown = json.dumps(one)
            raise Misuse(f"--related: {shown} is no JSON object with {_ID} and {_ROLE}.")
    return cast("list[dict[str, str]]", listed)


def _object(option: str, text: str) -> dict[str, Any]:
    found = _json(option, text)
    if not isinstance(found, dict):
        raise Misuse(f"{option} {text!r} is no JSON object.")
    return cast("dict[str, Any]", found)


def _json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Misuse(f"{option} {text!r} is no JSON: {error}.") from None
