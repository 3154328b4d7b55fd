"""Changes the text of profiles.toml in one place and leaves the rest as people wrote it.

A change is made line by line and then read back. Should the file be written in a way that this
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
    return _checked(_edit_lines(text, profile, keys, line), document)


def activate(text: str, profile: str | None) -> str:
    """Return `text` with another active profile; None: it names none."""
    document = {key: value for key, value in tomllib.loads(text).items() if key != "active"}
    document.setdefault("profiles", {})
    if profile is not None:
        document = {"active": profile, **document}
    lines = _lines(text)
    end = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    named = [f"active = {emit(profile)}\n"] if profile is not None else []
    kept = [line for line in lines[:end] if not _is_one_of(line, {"ACTIVE"})]
    at = next((i for i in range(end) if _is_one_of(lines[i], {"ACTIVE"})), 0)
    gap = ["\n"] if named and not kept and lines[end:] else []
    edited = "".join([*kept[:at], *named, *kept[at:], *gap, *lines[end:]])
    return _checked(edited, document)


def add(text: str, profile: str, values: Mapping[str, Any]) -> str:
    """Return `text` with another profile at its end."""
    document = tomllib.loads(text)
    document.setdefault("profiles", {})[profile] = dict(values)
    gap = ["\n"] if text.strip() else []
    section = [
        f"[profiles.{_key(profile)}]\n",
        *(f"{_key(k)} = {emit(v)}\n" for k, v in values.items()),
    ]
    return _checked("".join([*_lines(text), *gap, *section]), document)


def rename(text: str, profile: str, name: str) -> str:
    """Return `text` with another name for a profile."""
    document = tomllib.loads(text)
    tables = document.get("profiles", {})
    document["profiles"] = {name if key == profile else key: tables[key] for key in tables}
    lines = _lines(text)
    start = _section_start(lines, profile)
    if start is not None:
        lines[start - 1] = f"[profiles.{_key(name)}]\n"
    return _checked("".join(lines), document)


def remove(text: str, profile: str) -> str:
    """Return `text` without a profile."""
    document = tomllib.loads(text)
    document.get("profiles", {}).pop(profile, None)
    lines = _lines(text)
    start = _section_start(lines, profile)
    if start is not None:
        del lines[start - 1 : _section_end(lines, start)]
    return _checked("".join(lines), document)


def _checked(edited: str, document: Mapping[str, Any]) -> str:
    return edited if _says(edited, document) else emit_document(document)


def _lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def _profile(document: Mapping[str, Any], profile: str) -> dict[str, Any]:
    try:
        return dict(document.get("profiles", {}).get(profile, {}))
    except (AttributeError, TypeError):
        raise ValueError("`profiles` holds something else than tables") from None


def _edit_lines(text: str, profile: str, keys: set[str], line: str) -> str:
    lines = _lines(text)
    start = _section_start(lines, profile)
    if start is None:
        gap = ["\n"] if lines else []
        return "".join([*lines, *gap, f"[profiles.{_key(profile)}]\n", line])
    end = _section_end(lines, start)
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


def _section_end(lines: list[str], start: int) -> int:
    return next(
        (i for i in range(start, len(lines)) if lines[i].lstrip().startswith("[")), len(lines)
    )


def _is_one_of(line: str, keys: set[str]) -> bool:
    found = _KEY.match(line)
    return found is not None and found["key"].upper() in keys


def _says(text: str, document: Mapping[str, Any]) -> bool:
    try:
        return {"profiles": {}, **tomllib.loads(text)} == {"profiles": {}, **document}
    except tomllib.TOMLDecodeError:
        return False


def emit_document(document: Mapping[str, Any]) -> str:
    """Return a whole profiles.toml: single values first, then a table for each profile."""
    lines = [f"{_key(k)} = {emit(v)}" for k, v in document.items() if k != "profiles"]
    for name, table in document.get("profiles", {}).items():
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
