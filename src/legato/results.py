"""Where results are stored and how: stores, records, and what the settings say."""

from legato._sdk.result_defaults import (
    aget_default_result_storage,
    aresolve_result_storage,
    get_default_persist_setting,
    get_default_persist_setting_for_tasks,
    get_default_result_serializer,
    get_default_result_storage,
    get_result_store,
    resolve_result_storage,
    resolve_serializer,
    should_persist_result,
)
from legato._sdk.result_records import ResultRecord, ResultRecordMetadata
from legato._sdk.result_store import ResultStore
from legato._sdk.storage import Storage

__all__ = [
    "ResultRecord",
    "ResultRecordMetadata",
    "ResultStore",
    "Storage",
    "aget_default_result_storage",
    "aresolve_result_storage",
    "get_default_persist_setting",
    "get_default_persist_setting_for_tasks",
    "get_default_result_serializer",
    "get_default_result_storage",
    "get_result_store",
    "resolve_result_storage",
    "resolve_serializer",
    "should_persist_result",
]
