"""What somebody looks for in texts, in the grammar that Prefect's clients use.

Words are alternatives, `+word` must be there, `-word` or `!word` must not; a phrase in double
quotes counts as a word. Case does not matter.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

QUERY_MAX = 200
_TERM = re.compile(r'([-+!]?)(?:"([^"]*)"?|(\S+))')


class Search(Struct, frozen=True):
    """Words of which one, all, or none is in a text."""

    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    def finds(self, text: str) -> bool:
        """Tell whether a text is one of those that are looked for.

        >>> parsed('late -"dry run"').finds("Late run of etl")
        True
        """
        text = text.lower()
        return (
            (not self.any_of or any(word in text for word in self.any_of))
            and all(word in text for word in self.all_of)
            and not any(word in text for word in self.none_of)
        )


@lru_cache(maxsize=64)
def parsed(query: str) -> Search:
    """Return what a query looks for; an empty one finds everything."""
    kinds: dict[str, list[str]] = {"": [], "+": [], "-": []}
    for sign, phrase, word in _TERM.findall(query):
        if term := (phrase or word).lower():
            kinds["-" if sign == "!" else sign].append(term)
    return Search(tuple(kinds[""]), tuple(kinds["+"]), tuple(kinds["-"]))
