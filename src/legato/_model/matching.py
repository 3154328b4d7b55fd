"""Whether a value at hand passes a filter: what the store's queries ask, without a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from legato._model.filters import Leaf, Operator
from legato._model.text_search import parsed

_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "any_": lambda value, given: value in given,
    "not_any_": lambda value, given: value is not None and value not in given,
    "is_null_": lambda value, given: (value is None) == given,
    "ge_": lambda value, given: value is not None and value >= given,
    "le_": lambda value, given: value is not None and value <= given,
    "after_": lambda value, given: value is not None and value >= given,
    "before_": lambda value, given: value is not None and value <= given,
    "query": lambda value, given: parsed(given).finds(value),
}
_NAMES = {"text": "message"}
"""Attributes that filters call otherwise."""


def passes(value: Any, given: Leaf | None) -> bool:
    """Tell whether a value fulfils the conditions of a filter; no condition is fulfilled by all.

    The members of a filter are conditions on the attributes of the same name. As in a query, a
    value that is missing fulfils `is_null_` only.
    """
    if given is None:
        return True
    found: list[bool] = []
    for name in given.__struct_fields__:
        wanted = getattr(given, name)
        if wanted is None or name == "operator":
            continue
        test = _TESTS.get(name)
        if test is None:
            found.append(passes(getattr(value, _NAMES.get(name, name)), wanted))
        else:
            found.append(test(value, wanted))
    either = getattr(given, "operator", None) is Operator.or_
    return not found or (any(found) if either else all(found))
