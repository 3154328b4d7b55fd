"""Names of runs that a template or a callable makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from legato._sdk.advice import advised


def run_name(given: str | Callable[..., str], parameters: Mapping[str, Any], option: str) -> str:
    """Return the run name that a template or a callable makes.

    A callable that has a parameter named `parameters` is given them. Raises what formatting
    raises (KeyError for an unknown field), and TypeError if a callable returns no string.
    """
    if isinstance(given, str):
        try:
            return given.format(**parameters)
        except (KeyError, IndexError) as error:
            known = ", ".join(parameters) or "none"
            raise advised(error, f"{option} is {given!r}; the parameters are: {known}.") from None
    import inspect

    wants = "parameters" in inspect.signature(given).parameters
    made = given(parameters=dict(parameters)) if wants else given()
    name = cast("object", made)
    if not isinstance(name, str):
        raise TypeError(f"{option} returned {name!r}; it must return a string.")
    return name
