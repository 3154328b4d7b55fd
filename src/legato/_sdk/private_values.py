"""Values that are not to be written: of types that hide something, or kept back by a task."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, MethodType, ModuleType
from typing import Any, cast

from msgspec.json import Encoder

_SECRETS = frozenset({"SecretStr", "SecretBytes", "Secret"})
_ATOMS: frozenset[type[object]] = frozenset({str, bytes, int, float, bool, complex, type(None)})
_LISTS = (list, tuple, set, frozenset)
_CODE = (type, FunctionType, MethodType, ModuleType)
_MOST = 100
_encode = Encoder().encode


def holds_secret(value: Any) -> bool:
    """Tell whether a value is, or holds anywhere, what its type says to hide."""
    seen: set[int] = set()
    kinds: dict[type[object], bool] = dict.fromkeys(_ATOMS, False)
    left: list[Any] = [value]
    while left:
        item = left.pop()
        kind = cast("type[object]", type(item))
        if kind not in kinds:
            kinds[kind] = any(each.__name__ in _SECRETS for each in kind.__mro__)
        if kinds[kind]:
            return True
        if kind not in _ATOMS and id(item) not in seen:
            seen.add(id(item))
            left += _held(item)
    return False


def _held(value: Any) -> Iterable[Any]:
    """Return what is in a container or an object; no code of the object's class runs."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, _LISTS):
        return list(cast("Iterable[Any]", value))
    if isinstance(value, _CODE):
        return ()
    held: list[Any] = []
    for kind in type(value).__mro__:
        for name in kind.__dict__.get("__slots__", ()):
            slot = kind.__dict__.get(name)
            if name != "__dict__" and hasattr(slot, "__objclass__"):
                _add(held, value, name)
    _add(held, value, "__dict__")
    return held


def _add(held: list[Any], value: Any, name: str) -> None:
    try:
        held.append(object.__getattribute__(value, name))
    except AttributeError:
        return


class KeptBack:
    """The texts in results of tasks with `persist_result=False`, which others are called with."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: set[bytes] = set()

    def add(self, value: Any) -> None:
        """Keep the texts of a value out of what is written from now on."""
        texts = self._texts
        left: list[Any] = [value]
        while left and len(texts) <= _MOST:
            item = left.pop()
            if isinstance(item, str) and item:
                texts.add(_escaped(item))
            elif isinstance(item, dict):
                left += item.values()
            elif isinstance(item, _LISTS):
                left += item

    def is_in(self, text: bytes) -> bool:
        """Tell whether one of the texts may be in a piece of JSON; yes, if there are many."""
        return len(self._texts) > _MOST or any(kept in text for kept in self._texts)


def _escaped(text: str) -> bytes:
    """Return how JSON writes a text, without the quotes."""
    try:
        return _encode(text)[1:-1]
    except UnicodeEncodeError:  # a lone surrogate: no JSON holds it
        return text.encode(errors="replace")
