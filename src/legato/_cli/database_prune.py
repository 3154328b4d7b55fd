"""What `legato db prune` deletes, and what it shows of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from legato._cli import database_size, listing, retaining, times
from legato._cli.exits import Misuse, nearest
from legato._cli.output import say
from legato._control.duties.retention import KINDS

_SHRINK_SECONDS = 60.0

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from legato._cli.options import Output
    from legato._store.port import Store


def asked(kinds: Sequence[str], older_than: timedelta | None) -> Mapping[str, timedelta]:
    """Return the age of each kind from which on it goes."""
    kept = retaining.kept()
    for kind in kinds:
        if kind not in KINDS:
            known = ", ".join(KINDS)
            raise Misuse(f"--kind {kind!r} is not known{nearest(kind, KINDS)} There are: {known}.")
        if older_than is None and kind not in kept:
            raise Misuse(
                f"--kind {kind}: it is kept for ever, as the settings say; --older-than AGE deletes"
                " what is older."
            )
    chosen = [kind for kind in KINDS if kind in (kinds or KINDS)]
    if older_than is not None:
        return dict.fromkeys(chosen, older_than)
    return {kind: kept[kind] for kind in chosen if kind in kept}


def tell(ages: Mapping[str, timedelta]) -> None:
    """Say what is about to go."""
    for kind, age in ages.items():
        say(f"{kind}: what is older than {times.span(age)}")


def carry_out(store: Store, ages: Mapping[str, timedelta], dry_run: bool, output: Output) -> None:
    """Delete, or count, and show how much that was."""
    now, found = datetime.now(UTC), list[dict[str, Any]]()
    for kind, age in ages.items():
        work = KINDS[kind].count if dry_run else KINDS[kind].prune
        entry = {"kind": kind, "before": now - age, "dry_run": dry_run}
        found.append({**entry, "count": sum(work(store, now - age))})
    if not dry_run:
        _shrink(store)
    titles = ("KIND", "OLDER THAN", "WOULD GO" if dry_run else "DELETED")
    listing.show(
        output,
        found,
        titles,
        lambda: [
            (entry["kind"], times.moment(entry["before"]), str(entry["count"])) for entry in found
        ],
    )


def _shrink(store: Store) -> None:
    """Give back what has become free, a piece at a time, so that others can write meanwhile."""
    given, end, more = 0, monotonic() + _SHRINK_SECONDS, True
    while more and monotonic() < end:
        began, piece = monotonic(), store.shrink(0)
        given, more = given + piece, piece > 0
        sleep(monotonic() - began if more else 0)
    if given:
        left = "; the rest, when this is called again" if more else ""
        say(f"{database_size.data(given)} are given back to the file system{left}.")
