"""Tells what must know of a fork, in the right order, with one registration a process.

`place()` says where this process stands among those that were forked from one another: "" for the
first, "3" for its third child, "3.1" for the first child of that.
"""

from __future__ import annotations

import os
from typing import Protocol


class Follower(Protocol):
    """Something that must let go of its locks and connections around a fork."""

    def before_fork(self) -> None: ...

    def after_in_parent(self) -> None: ...

    def after_in_child(self) -> None: ...


_followers: list[Follower] = []
_registered = False
_place = ""
_forks = 0


def place() -> str:
    """Return the place of this process; equal places of one process are the same object."""
    return _place


def follow(follower: Follower) -> None:
    """Call `follower` around every fork from now on."""
    global _registered  # noqa: PLW0603 - os.register_at_fork cannot be undone
    _followers.append(follower)
    # Windows has no fork; os.posix_spawn, subprocess and os.exec* call no hooks
    if not _registered and hasattr(os, "register_at_fork"):
        _registered = True
        os.register_at_fork(
            before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )


def _before() -> None:
    global _forks  # noqa: PLW0603 - of the process
    for follower in _followers:
        follower.before_fork()
    _forks += 1


def _after_in_parent() -> None:
    for follower in reversed(_followers):
        follower.after_in_parent()


def _after_in_child() -> None:
    global _place, _forks
    _place, _forks = f"{_place}.{_forks}" if _place else str(_forks), 0
    for follower in reversed(_followers):
        follower.after_in_child()
