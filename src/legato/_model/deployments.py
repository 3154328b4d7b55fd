"""A deployment: a flow with where its code is and what its runs begin with."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from legato._model.work_pools import WorkStatus

Labels = dict[str, str | int | float | bool]


class DeploymentWords(Struct, kw_only=True, omit_defaults=True):
    """What a deployment says of itself that nothing is found by, and that one in its place says."""

    version: str | None = None
    description: str | None = None
    parameters: dict[str, Any] = {}
    parameter_openapi_schema: dict[str, Any] | None = None
    job_variables: dict[str, Any] = {}
    labels: Labels = {}
    path: str | None = None
    entrypoint: str | None = None


class DeploymentDetails(DeploymentWords, kw_only=True, omit_defaults=True):
    """What a deployment says of itself that nothing is found by."""

    enforce_parameter_schema: bool = True
    pull_steps: list[dict[str, Any]] | None = None


class Deployment(DeploymentDetails, kw_only=True, omit_defaults=False):
    """A deployment as the store knows it; its name is unique among those of its flow."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    flow_id: UUID
    paused: bool = False
    tags: list[str] = []
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    """Of the queue, or of the one that it was before that was deleted."""
    work_pool_name: str | None = None
    last_polled: datetime | None = None
    """When somebody asked for runs of it, or of its queue."""
    status: WorkStatus = WorkStatus.NOT_READY


class DeploymentCreate(DeploymentWords, kw_only=True, forbid_unknown_fields=True):
    """What makes a deployment, or replaces the one of that name of the flow.

    What is UNSET stays as that one has it: Prefect's clients leave it out where nobody says it.
    """

    name: str
    flow_id: UUID
    paused: bool | UnsetType = UNSET
    enforce_parameter_schema: bool | UnsetType = UNSET
    pull_steps: list[dict[str, Any]] | None | UnsetType = UNSET
    tags: list[str] = []
    schedules: list[dict[str, Any]] = []
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    concurrency_limit: int | None = None
    version_info: dict[str, Any] | None = None
    """Accepted and not kept, as by Prefect's own server."""


class DeploymentUpdate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What may be changed of a deployment; what is UNSET stays."""

    version: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    parameter_openapi_schema: dict[str, Any] | None | UnsetType = UNSET
    enforce_parameter_schema: bool | UnsetType = UNSET
    job_variables: dict[str, Any] | UnsetType = UNSET
    path: str | None | UnsetType = UNSET
    entrypoint: str | None | UnsetType = UNSET
    pull_steps: list[dict[str, Any]] | None | UnsetType = UNSET
    schedules: list[dict[str, Any]] | UnsetType = UNSET
    work_pool_name: str | None | UnsetType = UNSET
    work_queue_name: str | None | UnsetType = UNSET
    concurrency_limit: int | None | UnsetType = UNSET
    version_info: dict[str, Any] | None | UnsetType = UNSET


KEPT = ("paused", "enforce_parameter_schema", "pull_steps")
"""What stays when a deployment is replaced by a request that does not say it."""

NOT_KEPT = ("schedules", "concurrency_limit")
"""Fields of requests whose meaning is not served yet, and which are refused with a value."""
