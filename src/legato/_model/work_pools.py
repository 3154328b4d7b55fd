"""A work pool: where runs wait for workers of one type, and what a job of it is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field

from legato._model import json_schema

AGENT_POOL = "default-agent-pool"
"""Where queues lie, and deployments with a queue, that name no pool."""
AGENT_TYPE = "prefect-agent"
RESERVED = "prefect"
"""No pool's name begins so, in small letters or large ones."""
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


class WorkStatus(str, Enum):
    """Whether somebody takes runs out of a pool, or of a queue."""

    READY = "READY"
    NOT_READY = "NOT_READY"
    PAUSED = "PAUSED"


class StorageConfiguration(Struct, kw_only=True, omit_defaults=False, forbid_unknown_fields=True):
    """How code that is sent along with a run gets to a job of the pool, and where results lie."""

    bundle_upload_step: dict[str, Any] | None = None
    bundle_execution_step: dict[str, Any] | None = None
    default_result_storage_block_id: UUID | None = None


class PoolDetails(Struct, kw_only=True, omit_defaults=False):
    """What a pool says of itself that nothing is found by."""

    description: str | None = None
    base_job_template: dict[str, Any] = {}
    storage_configuration: StorageConfiguration = field(default_factory=StorageConfiguration)


class WorkPool(PoolDetails, kw_only=True, omit_defaults=False):
    """A work pool as the store knows it; its name is unique in a workspace.

    `active_slots` are the runs that are Pending or Running, if there is a limit for them.
    """

    id: UUID
    created: datetime
    updated: datetime
    name: str
    type: str
    is_paused: bool = False
    concurrency_limit: int | None = None
    status: WorkStatus | None = None
    default_queue_id: UUID
    active_slots: int | None = None


class WorkPoolCreate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What makes a work pool."""

    name: str
    description: str | None = None
    type: str = AGENT_TYPE
    base_job_template: dict[str, Any] = {}
    is_paused: bool = False
    concurrency_limit: int | None = None
    storage_configuration: StorageConfiguration = field(default_factory=StorageConfiguration)


class WorkPoolUpdate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What may be changed of a work pool; what is UNSET stays."""

    description: str | None | UnsetType = UNSET
    is_paused: bool | UnsetType = UNSET
    base_job_template: dict[str, Any] | UnsetType = UNSET
    concurrency_limit: int | None | UnsetType = UNSET
    storage_configuration: StorageConfiguration | UnsetType = UNSET


def status_of(pool: WorkPool, *, ready: bool) -> WorkStatus | None:
    """Return the status of a pool that is ready, or not, by its workers; agents never tell."""
    if pool.type == AGENT_TYPE:
        return None
    if pool.is_paused:
        return WorkStatus.PAUSED
    return WorkStatus.READY if ready else WorkStatus.NOT_READY


def template_problem(template: Mapping[str, Any]) -> str | None:
    """Return why no job can be made of a template, if so.

    Example:
        >>> template_problem({"job_configuration": {"command": "{{ command }}"}, "variables": {}})
        'It needs both job_configuration and variables.'
    """
    if not template:
        return None
    configuration, variables = template.get("job_configuration"), template.get("variables")
    if not (configuration and variables):
        return "It needs both job_configuration and variables."
    if not (isinstance(configuration, dict) and isinstance(variables, dict)):
        return "job_configuration and variables are JSON objects."
    schema = cast("dict[str, Any]", variables)
    known: dict[str, Any] = schema.get("properties") or {}
    unknown = sorted(_placeholders(cast("dict[str, Any]", configuration)) - set(known))
    if unknown:
        return f"job_configuration names {', '.join(unknown)}, which variables.properties has not."
    return _problem_of_schema(schema, known)


def _problem_of_schema(schema: dict[str, Any], known: dict[str, Any]) -> str | None:
    """Return why no variables could be held against a schema, if so."""
    try:
        json_schema.problems(dict.fromkeys(known), schema)
        types = {kind for each in known.values() for kind in _types(each)}
    except (AttributeError, TypeError, ValueError) as error:
        return f"variables: {error}"
    odd = ", ".join(sorted(types - json_schema.TYPES))
    return f"variables: JSON schema knows no type {odd}." if odd else None


def _types(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def _placeholders(configuration: Mapping[str, Any]) -> set[str]:
    """Return the names in double braces, but for those of blocks, variables and environment."""
    found = set(_PLACEHOLDER.findall(json.dumps(configuration)))
    return {name for name in found if not name.startswith(("prefect.", "$"))}


def job_variable_problems(template: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with variables of a job; those that are missing may still come."""
    variables = template.get("variables")
    if not given or not isinstance(variables, dict):
        return []
    return json_schema.problems(dict(given), {**variables, "required": []})
