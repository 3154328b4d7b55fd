"""Changes one value in the text of profiles.toml and leaves the rest as people wrote it.

The change is made line by line and then read back. Should the file be written in a way that this
does not understand (a table in braces, say), it is written anew, without its comments.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, cast

import msgspec

_HEADER = re.compile(r"""\s*\[\s*profiles\s*\.\s*(?P<q>["']?)(?P<name>.+?)(?P=q)\s*\]\s*(#.*)?""")
_KEY = re.compile(r"""\s*["']?(?P<key>[A-Za-z0-9_-]+)["']?\s*=""")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def edit(text: str, profile: str, keys: set[str], key: str, value: object) -> str:
    """Return `text` with `key = value` in the profile instead of whatever has one of `keys`.

    A value of None takes the key out. Raises ValueError if `text` is not TOML.
    """
    document = tomllib.loads(text)
    before = _profile(document, profile)
    after = {k: v for k, v in before.items() if k.upper() not in keys}
    if value is None and len(after) == len(before):
        return text
    if value is not None:
        after[key] = value
    document.setdefault("profiles", {})[profile] = after
    line = "" if value is None else f"{key} = {emit(value)}\n"
    edited = _edit_lines(text, profile, keys, line)
    return edited if _says(edited, document) else emit_document(document)


def _profile(document: Mapping[str, Any], profile: str) -> dict[str, Any]:
    try:
        return dict(document.get("profiles", {}).get(profile, {}))
    except (AttributeError, TypeError):
        raise ValueError("`profiles` holds something else than tables") from None


def _edit_lines(text: str, profile: str, keys: set[str], line: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    start = _section_start(lines, profile)
    if start is None:
        gap = ["\n"] if lines else []
        return "".join([*lines, *gap, f"[profiles.{_key(profile)}]\n", line])
    end = next(
        (i for i in range(start, len(lines)) if lines[i].lstrip().startswith("[")), len(lines)
    )
    kept = [item for item in lines[start:end] if not _is_one_of(item, keys)]
    at = next((i for i in range(start, end) if _is_one_of(lines[i], keys)), None)
    if at is None:  # after the last line that says something
        at = start + max((i + 1 for i, item in enumerate(kept) if item.strip()), default=0)
    kept.insert(at - start, line)
    return "".join([*lines[:start], *kept, *lines[end:]])


def _section_start(lines: list[str], profile: str) -> int | None:
    for number, line in enumerate(lines):
        header = _HEADER.fullmatch(line.rstrip("\n"))
        if header and header["name"] == profile:
            return number + 1
    return None


def _is_one_of(line: str, keys: set[str]) -> bool:
    found = _KEY.match(line)
    return found is not None and found["key"].upper() in keys


def _says(text: str, document: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == document
    except tomllib.TOMLDecodeError:
        return False


def emit_document(document: Mapping[str, Any]) -> str:
    """Return a whole profiles.toml: single values first, then a table for each profile."""
    lines = [f"{_key(k)} = {emit(v)}" for k, v in document.items() if k != "profiles"]
    for name, table in document["profiles"].items():
        lines += [
            "",
            f"[profiles.{_key(name)}]",
            *(f"{_key(k)} = {emit(v)}" for k, v in table.items()),
        ]
    return "\n".join(lines).lstrip("\n") + "\n"


def emit(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, str | bool | int):
        # A TOML string is a JSON string but for the one control character that JSON lets pass.
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(emit, cast('list[object]', value)))}]"
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return f"{{ {', '.join(f'{_key(k)} = {emit(v)}' for k, v in items)} }}" if items else "{}"
    return str(value)  # a date or a time


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else emit(name)
