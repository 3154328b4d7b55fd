"""Parameters of a flow from the command line: `--param name=value`."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

from legato._cli.exits import Misuse, nearest
from legato._cli.loading import AnyFlow

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arguments(flow: AnyFlow, given: Sequence[str]) -> Arguments:
    """Return (args, kwargs) of a call; raise Misuse for what the flow cannot take."""
    texts = _split(given)
    parameters = flow.signature.inspected.parameters
    _check(flow, texts, parameters)
    hints = _hints(flow)
    named = {name: value_of(text, hints.get(name)) for name, text in texts.items()}
    args: list[Any] = []
    for name, parameter in parameters.items():
        if parameter.kind is Parameter.POSITIONAL_ONLY and name in named:
            args.append(named.pop(name))
    return tuple(args), named


def changes(flow: AnyFlow, given: Sequence[str]) -> dict[str, Any]:
    """Return some of a flow's parameters by name; raise Misuse for what it does not have."""
    texts = _split(given)
    _require_known(flow, texts, flow.signature.inspected.parameters)
    hints = _hints(flow)
    return {name: value_of(text, hints.get(name)) for name, text in texts.items()}


def values(given: Sequence[str], option: str = "--param") -> dict[str, Any]:
    """Return what NAME=VALUE says, JSON as its value and all else as text; raise Misuse."""
    return {name: value_of(text, None) for name, text in _split(given, option).items()}


def _split(given: Sequence[str], option: str = "--param") -> dict[str, str]:
    texts: dict[str, str] = {}
    for item in given:
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals or not name:
            raise Misuse(f"{option} {item!r} is not NAME=VALUE.")
        if name in texts:
            raise Misuse(f"{option} {name} is given twice.")
        texts[name] = text
    return texts


def _check(flow: AnyFlow, texts: Mapping[str, str], parameters: Mapping[str, Parameter]) -> None:
    named = _require_known(flow, texts, parameters)
    missing = [n for n, p in named.items() if p.default is Parameter.empty and n not in texts]
    if missing:
        options = " ".join(f"--param {name}=..." for name in missing)
        raise Misuse(f"The flow {flow.name!r} needs {options}")


def _require_known(
    flow: AnyFlow, texts: Mapping[str, str], parameters: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    """Return the parameters that can be given by name; raise Misuse for others."""
    takes_all = any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    named = {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    }
    for name in texts:
        if name not in named and not takes_all:
            known = ", ".join(named) or "none"
            hint = nearest(name, named)
            raise Misuse(f"The flow {flow.name!r} has no parameter {name!r}{hint} It has: {known}.")
    return named


def _hints(flow: AnyFlow) -> dict[str, Any]:
    try:
        return typing.get_type_hints(flow.fn)
    except Exception:  # noqa: BLE001 - names that exist for type checkers only
        return {}


def value_of(text: str, hint: Any) -> Any:
    """Return JSON as its value and all else as text; what is annotated as text stays text.

    The flow coerces the value to its annotation.
    """
    if hint is str or (_is_optional_text(hint) and text != "null"):
        return text
    try:
        return json.loads(text, parse_constant=_no_json)
    except ValueError:
        return text


def _no_json(text: str) -> None:
    raise ValueError(text)  # NaN and Infinity: the flow makes numbers of them if it wants


def _is_optional_text(hint: Any) -> bool:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return False
    return set(typing.get_args(hint)) == {str, type(None)}
