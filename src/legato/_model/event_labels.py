"""Under which labels an event is found: those of its resources, so many at most.

Ids and roles are not among them, as they have an index of their own. An event with more labels than
are kept of one has the pair `MORE` instead, and is looked at by whoever asks for any label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from legato._model.events import RESOURCE_ID, ROLE, Resource

Pair = tuple[str, str]
PAIRS_MAX = 32
"""What an event may cost whoever writes it."""
TEXT_MAX = 200
"""So many characters of a label, and of its value, are kept."""
MORE: Pair = ("", "")


def pairs(resources: Iterable[Resource]) -> list[Pair]:
    """Return the labels and values that an event's resources have, each once.

    >>> pairs([{"prefect.resource.id": "shop.order.7", "team": "a"}, {"team": "a", "size": "m"}])
    [('size', 'm'), ('team', 'a')]
    """
    found = {
        (cut(label), cut(value))
        for resource in resources
        for label, value in resource.items()
        if label not in {RESOURCE_ID, ROLE}
    }
    return sorted(found) if len(found) <= PAIRS_MAX else [MORE]


def cut(text: str) -> str:
    """Return as much of a label or a value as is kept."""
    return text[:TEXT_MAX]


def exact(values: str | Sequence[str]) -> list[str] | None:
    """Return the values of a filter that are meant as they stand; None: some are not."""
    listed = [values] if isinstance(values, str) else list(values)
    return None if any("*" in one or one.startswith("!") for one in listed) else listed


def prefixes(values: str | Sequence[str]) -> list[str] | None:
    """Return what a label's values begin with, of those that a filter asks for; None: anything.

    >>> prefixes(["Fail*", "Cr*shed"]), prefixes(["*ed"]), prefixes("!Failed")
    (['Fail', 'Cr'], None, None)
    """
    listed = [values] if isinstance(values, str) else list(values)
    if any(one.startswith(("!", "*")) for one in listed):
        return None
    return [one.partition("*")[0] for one in listed]
