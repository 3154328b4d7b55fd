"""Where a list of events goes on: a token, opaque to those who carry it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from legato._model.errors import BadPageToken
from legato._model.event_filters import EventFilter
from legato._model.operations.events import PAGE

Number = Annotated[int, Meta(ge=-(2**62), le=2**62)]


class PageToken(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was asked for, and the time and position of the event that the page ended with."""

    filter: EventFilter
    limit: Annotated[int, Meta(ge=0, le=PAGE)]
    after: tuple[Number, Number] | None = None
    total: Annotated[int, Meta(ge=0)] | None = None


def encoded(token: PageToken) -> str:
    """Return the token as text for a URL."""
    return urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def decoded(text: str) -> PageToken:
    """Return what a token says; raise BadPageToken for other text."""
    try:
        said = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        token = msgspec.json.decode(said, type=PageToken)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise BadPageToken from None
    when = token.filter.occurred
    if when is None or when.since is None or when.until is None:
        raise BadPageToken
    return token
