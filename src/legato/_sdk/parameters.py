"""Parameters of flows: coerced to their annotations, and written down as JSON."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, cast, get_type_hints

import msgspec

from legato._sdk.exceptions import ParameterBindError, ParameterTypeError

if TYPE_CHECKING:
    from legato._sdk.flow import Flow

RECORDED_LIMIT = 512 * 1024
_DESCRIPTION = re.compile(r"<[\w.]+(?: of [\d,]+ bytes: too large to record)?>")
_REFUSED = "Flow run received invalid parameters:\n"
# values of exactly these types pass an annotation of the same type as they are
_PLAIN = frozenset({str, int, float, bool, bytes, dt.datetime, dt.date})


def validated(flow: Flow[Any, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters coerced; raise ParameterTypeError with every bad field and its value.

    pydantic is imported only when an annotation needs it.
    """
    hints = _annotations(flow)
    if all(name not in hints or _passes(hints[name], parameters[name]) for name in parameters):
        return parameters
    if flow.validator is None:
        flow.validator = _Validator(flow, hints)
    found: dict[str, Any] = flow.validator.validate(parameters)
    return found


def completed(flow: Flow[Any, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with the function's defaults, in the function's order.

    Raises ParameterBindError for names that the function does not have, and ParameterTypeError for
    parameters that have no default and are not given.
    """
    known = flow.signature.inspected.parameters
    strangers = [name for name in given if name not in known]
    if strangers:
        names, wrong = ", ".join(known) or "none", ", ".join(map(repr, strangers))
        raise ParameterBindError(f"{flow.name!r} has no parameter {wrong}; it has {names}.")
    found: dict[str, Any] = {}
    for name, parameter in known.items():
        gathered: dict[str, Any] = {"VAR_POSITIONAL": (), "VAR_KEYWORD": {}}
        found[name] = given.get(name, gathered.get(parameter.kind.name, parameter.default))
        if found[name] is parameter.empty:
            raise ParameterTypeError(f"{_REFUSED} - {name}: Field required")
    return found


def _annotations(flow: Flow[Any, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = getattr(flow.fn, "__annotations__", {})
    if not raw:
        return {}
    if not any(isinstance(hint, str) for hint in raw.values()):
        return raw
    try:
        return get_type_hints(flow.fn, include_extras=True)
    except Exception:  # noqa: BLE001 - names that exist for type checkers only
        return {name: hint for name, hint in raw.items() if not isinstance(hint, str)}


def _passes(hint: Any, value: Any) -> bool:
    return hint is Any or (hint in _PLAIN_HINTS and type(value) is hint)


class _PlainHints:
    def __contains__(self, hint: Any) -> bool:
        return isinstance(hint, type) and hint in _PLAIN


_PLAIN_HINTS = _PlainHints()


class _Validator:
    """A pydantic model of a flow's parameters."""

    def __init__(self, flow: Flow[Any, Any], hints: Mapping[str, Any]) -> None:
        import pydantic

        self._flow = flow
        self._names = [name for name in flow.signature.names if name in hints]
        self._error = pydantic.ValidationError
        fields: dict[str, Any] = {}
        for number, name in enumerate(self._names):
            # field names of ours: a parameter may be called `model_config` or `_x`
            annotation = self._annotation(name, hints[name])
            fields[f"p{number}"] = (annotation, pydantic.Field(alias=name))
        config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        self._model = pydantic.create_model("Parameters", __config__=config, **fields)

    def _annotation(self, name: str, hint: Any) -> Any:
        signature = self._flow.signature
        if signature.simple:
            return hint
        kind = signature.inspected.parameters[name].kind
        if kind.name == "VAR_POSITIONAL":
            return tuple[hint, ...]
        return dict[str, hint] if kind.name == "VAR_KEYWORD" else hint

    def validate(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: parameters[name] for name in self._names if name in parameters}
        try:
            model = self._model.model_validate(given)
        except self._error as error:
            lines = [_line(fault, given) for fault in error.errors(include_url=False)]
            raise ParameterTypeError(_REFUSED + "\n".join(lines)) from None
        found = dict(parameters)
        for number, name in enumerate(self._names):
            if name in given:
                found[name] = getattr(model, f"p{number}")
        return found


def _line(fault: Any, given: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    value = repr(fault.get("input"))
    shown = value if len(value) <= 100 else value[:97] + "..."
    return f" - {place}: {fault['msg']} (got {shown})"


def jsonable(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as JSON values; what cannot be one is named by its type."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        try:
            built = msgspec.to_builtins(value, enc_hook=_described, str_keys=True)
            found[name] = _with_numbers_of_json(_of_fair_size(value, built))
        except (TypeError, ValueError, RecursionError):
            found[name] = f"<{type(value).__name__}>"
    return found


def require_recorded(recorded: Mapping[str, Any]) -> None:
    """Raise ParameterBindError for a parameter of which only a description was recorded."""
    for name, value in recorded.items():
        for text in _texts(value):
            if _DESCRIPTION.fullmatch(text):
                raise ParameterBindError(
                    f"The parameter {name!r} was not recorded, as JSON has no such value: only that"
                    f" it was {text}. Give it again with `parameters`, or --param."
                )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | dict):
        return []
    held = cast("dict[str, Any] | list[Any]", value)
    items = held.values() if isinstance(held, dict) else held
    return [text for item in items for text in _texts(item)]


def _of_fair_size(value: Any, built: Any) -> Any:
    """Return `built`, or its size in words if that is more than 512 KiB."""
    try:
        size = len(msgspec.json.encode(built))
    except UnicodeEncodeError:  # lone surrogates, which the store escapes
        size = len(repr(built))
    if size <= RECORDED_LIMIT:
        return built
    return f"<{type(value).__name__} of {size:,} bytes: too large to record>"


def _with_numbers_of_json(value: Any) -> Any:
    """Return a JSON value with words for the numbers that JSON lacks: nan, inf and -inf."""
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, list):
        return [_with_numbers_of_json(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {key: _with_numbers_of_json(item) for key, item in items}
    return value


def _described(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json")
    return f"<{type(value).__name__}>"
