"""The hashes that users call by Prefect's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from legato._sdk.exceptions import HashError
from legato._sdk.hashing import hash_value

if TYPE_CHECKING:
    from legato._sdk.context import TaskRunContext


def stable_hash(*args: str | bytes | int) -> str:
    """Return a hash of text, bytes and whole numbers, 32 hexadecimal digits.

    >>> stable_hash("ab", "c") == stable_hash("a", "bc")
    False
    """
    return hash_value(args)


def file_hash(path: str) -> str:
    """Return a hash of what a file holds.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as empty:
    ...     len(file_hash(empty.name))
    32
    """
    from hashlib import blake2b, file_digest

    with open(path, "rb") as file:
        return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()


def hash_objects(*args: Any, raise_on_failure: bool = False, **kwargs: Any) -> str | None:
    """Return a hash of values by content, alike in every process.

    Returns None for a value that has no content, as a lock has none; with `raise_on_failure`
    raises HashError, which says where it stands.

    >>> hash_objects({"b": {1, 2}}, a=1) == hash_objects({"b": {2, 1}}, a=1)
    True
    >>> import threading
    >>> hash_objects(threading.Lock()) is None
    True
    """
    try:
        hashes = [hash_value(value, f"args[{index}]") for index, value in enumerate(args)]
        return hash_value([hashes, {name: hash_value(kwargs[name], name) for name in kwargs}])
    except HashError:
        if raise_on_failure:
            raise
        return None


def task_input_hash(context: TaskRunContext, arguments: Mapping[str, Any]) -> str | None:
    """Return a key of the task's code and the arguments: a `cache_key_fn`.

    Raises HashError for an argument that has no content; the run then goes on without caching.

    >>> from legato import task
    >>> @task(cache_key_fn=task_input_hash)
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double.persist_result
    True
    """
    hashes = {name: hash_value(value, f"The argument {name}") for name, value in arguments.items()}
    return hash_value([context.task.task_key, hashes])
