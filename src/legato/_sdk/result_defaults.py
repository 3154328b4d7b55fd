"""What holds for results where the code says nothing else, and what its options come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from legato._sdk import context
from legato._sdk.result_records import default_serializer
from legato._sdk.serializers import Serializer, serializer_of
from legato._sdk.services import backend
from legato._sdk.storage import Storage, storage_of
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from legato._sdk.result_store import ResultStore


def get_default_result_storage() -> Storage:
    """Return the storage of results where neither flow nor task names one."""
    return resolve_result_storage(None)


async def aget_default_result_storage() -> Storage:
    """Return what `get_default_result_storage` does."""
    return get_default_result_storage()


def resolve_result_storage(result_storage: object) -> Storage:
    """Return the storage that an option names or is: a folder, a URL, an object.

    >>> from legato.results import resolve_result_storage
    >>> resolve_result_storage("s3://bucket/prefix").location("key")
    's3://bucket/prefix/key'
    """
    return storage_of(result_storage, Path(backend().storage()))


async def aresolve_result_storage(result_storage: object) -> Storage:
    """Return what `resolve_result_storage` does."""
    return resolve_result_storage(result_storage)


def get_default_result_serializer() -> Serializer:
    """Return the serializer of results where neither flow nor task names one."""
    return default_serializer()


def resolve_serializer(serializer: object) -> Serializer:
    """Return the serializer that an option names or is.

    >>> from legato.results import resolve_serializer
    >>> resolve_serializer("compressed/json").dumps([1]) != b"[1]"
    True
    """
    return serializer_of(serializer)


def get_default_persist_setting() -> bool:
    """Tell whether results are stored where neither flow nor task says."""
    return settings().results_persist_by_default


def get_default_persist_setting_for_tasks() -> bool:
    """Tell whether results of tasks are stored where they do not say."""
    given = settings().tasks_default_persist_result
    return get_default_persist_setting() if given is None else given


def should_persist_result() -> bool:
    """Tell whether the result of the active run is stored; outside of runs the settings say."""
    run = context.current.get()
    return get_default_persist_setting() if run is None else run.persist_result


def get_result_store() -> ResultStore:
    """Return a store with the options of the active task or flow; outside of runs, the default one.

    >>> from legato.results import get_result_store
    >>> store = get_result_store()
    >>> store.write({"answer": 42}, key="answers/1")
    >>> store.read("answers/1").result
    {'answer': 42}
    """
    from legato._sdk.result_store import ResultStore

    store, run = ResultStore(), context.current.get()
    if isinstance(run, context.TaskRunContext):
        around = run.flow_run_context
        if around is not None:
            store = store.update_for_flow(around.flow)
        return store.update_for_task(run.task)
    return store if run is None else store.update_for_flow(run.flow)
