"""The async client's methods on variables, artifacts and concurrency limits.

`sync_objects.py` is generated from this file by scripts/generate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET

from legato._model import artifacts, concurrency_limits, variables
from legato._model import filters as f
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.operations import artifacts as artifact_operations
from legato._model.operations import concurrency_limits as limit_operations
from legato._model.operations import events as event_operations
from legato._model.operations import slots as slot_operations
from legato._model.operations import variables as variable_operations
from legato._model.slots import Answer, Holder, Mode
from legato._sdk.client.objects import (
    Artifact,
    ArtifactCollection,
    ConcurrencyLimit,
    GlobalConcurrencyLimit,
    Variable,
)
from legato._sdk.client.requests import Id, uid
from legato._sdk.client.waiting import send
from legato._sdk.records import coerce
from legato._sdk.services import backend

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from legato._sdk.event_records import EventFilter, EventPage


class ObjectsClient:
    """What clients can do with named things."""

    # -- variables
    async def create_variable(self, variable: variables.VariableCreate) -> Variable:
        """Create a variable; raise ObjectAlreadyExists if there is one of that name."""
        given = coerce(variable, variables.VariableCreate)
        return Variable.wrap(await send(variable_operations.CreateVariable(variable=given)))

    async def update_variable(self, variable: variables.VariableUpdate) -> None:
        """Change the variable that `variable` names; raise ObjectNotFound."""
        given = coerce(variable, variables.VariableUpdate)
        if given.name is UNSET:
            raise InvalidRequest("name: It says which variable is to be changed.")
        request = variable_operations.UpdateVariableByName(name=given.name, variable=given)
        await send(request)

    async def read_variable_by_name(self, name: str) -> Variable | None:
        """Return the variable of a name, or None."""
        try:
            return Variable.wrap(await send(variable_operations.ReadVariableByName(name=name)))
        except ObjectNotFound:
            return None

    async def read_variables(
        self,
        limit: int | None = None,
        *,
        variable_filter: f.VariableFilter | None = None,
        sort: f.VariableSort | None = None,
        offset: int = 0,
    ) -> list[Variable]:
        """List variables by name."""
        found = await send(
            variable_operations.FilterVariables(
                variables=variable_filter,
                sort=f.VariableSort(sort or "NAME_ASC"),
                limit=limit,
                offset=offset,
            )
        )
        return [Variable.wrap(variable) for variable in found]

    async def delete_variable_by_name(self, name: str) -> None:
        """Delete the variable of a name; raise ObjectNotFound."""
        await send(variable_operations.DeleteVariableByName(name=name))

    # -- artifacts
    async def create_artifact(self, artifact: artifacts.ArtifactCreate) -> Artifact:
        """Create an artifact; it becomes the latest of its key."""
        given = coerce(artifact, artifacts.ArtifactCreate)
        return Artifact.wrap(await send(artifact_operations.CreateArtifact(artifact=given)))

    async def update_artifact(self, artifact_id: Id, artifact: artifacts.ArtifactUpdate) -> None:
        """Change an artifact; raise ObjectNotFound."""
        given = coerce(artifact, artifacts.ArtifactUpdate)
        request = artifact_operations.UpdateArtifact(artifact_id=uid(artifact_id), artifact=given)
        await send(request)

    async def delete_artifact(self, artifact_id: Id) -> None:
        """Delete an artifact; raise ObjectNotFound."""
        await send(artifact_operations.DeleteArtifact(artifact_id=uid(artifact_id)))

    async def read_artifacts(
        self,
        *,
        artifact_filter: f.ArtifactFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        sort: f.ArtifactSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Artifact]:
        """List artifacts."""
        found = await send(
            artifact_operations.FilterArtifacts(
                artifacts=artifact_filter,
                flow_runs=flow_run_filter,
                task_runs=task_run_filter,
                sort=f.ArtifactSort(sort or "ID_DESC"),
                limit=limit,
                offset=offset,
            )
        )
        return [Artifact.wrap(artifact) for artifact in found]

    async def read_latest_artifacts(
        self,
        *,
        artifact_filter: f.ArtifactCollectionFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        sort: f.ArtifactCollectionSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ArtifactCollection]:
        """List keys, each with its latest artifact."""
        found = await send(
            artifact_operations.FilterArtifactCollections(
                artifacts=artifact_filter,
                flow_runs=flow_run_filter,
                task_runs=task_run_filter,
                sort=f.ArtifactCollectionSort(sort or "ID_DESC"),
                limit=limit,
                offset=offset,
            )
        )
        return [ArtifactCollection.wrap(collection) for collection in found]

    # -- events
    async def read_events(
        self,
        filter: EventFilter | None = None,
        limit: int = 100,
    ) -> EventPage:
        """Return a page of events, the newest first; it has at most as many as the API gives."""
        from legato._sdk.event_records import EventPage

        asked: Any = event_operations.FilterEvents(
            filter=filter, limit=min(limit, event_operations.PAGE)
        )
        return EventPage.wrap(await send(asked))

    async def read_events_page(self, next_page_url: str) -> EventPage:
        """Return the page of events that another one names as `next_page`."""
        from legato._sdk.event_records import EventPage

        token = next_page_url.rpartition("page-token=")[2]
        return EventPage.wrap(await send(event_operations.FilterEventsNext(page_token=token)))

    # -- concurrency limits
    async def create_global_concurrency_limit(
        self, concurrency_limit: concurrency_limits.GlobalConcurrencyLimitCreate
    ) -> UUID:
        """Create a limit; return its id. Raise ObjectAlreadyExists if there is one of that name."""
        given = coerce(concurrency_limit, concurrency_limits.GlobalConcurrencyLimitCreate)
        made = await send(limit_operations.CreateGlobalConcurrencyLimit(limit=given))
        found: UUID = made.id
        return found

    async def read_global_concurrency_limit_by_name(self, name: str) -> GlobalConcurrencyLimit:
        """Return a limit; raise ObjectNotFound."""
        request = limit_operations.ReadGlobalConcurrencyLimit(id_or_name=name)
        return GlobalConcurrencyLimit.wrap(await send(request))

    async def read_global_concurrency_limits(
        self, limit: int = 10, offset: int = 0
    ) -> list[GlobalConcurrencyLimit]:
        """List limits by name."""
        request = limit_operations.FilterGlobalConcurrencyLimits(limit=limit, offset=offset)
        return [GlobalConcurrencyLimit.wrap(found) for found in await send(request)]

    async def update_global_concurrency_limit(
        self, name: str, concurrency_limit: concurrency_limits.GlobalConcurrencyLimitUpdate
    ) -> None:
        """Change a limit; raise ObjectNotFound."""
        given = coerce(concurrency_limit, concurrency_limits.GlobalConcurrencyLimitUpdate)
        request = limit_operations.UpdateGlobalConcurrencyLimit(id_or_name=name, limit=given)
        await send(request)

    async def upsert_global_concurrency_limit_by_name(
        self, name: str, limit: int, slot_decay_per_second: float | None = None
    ) -> None:
        """Create a limit, or change the one of that name."""
        change = concurrency_limits.GlobalConcurrencyLimitUpdate(
            limit=limit, slot_decay_per_second=slot_decay_per_second
        )
        try:
            await self.update_global_concurrency_limit(name, change)
        except ObjectNotFound:
            await self.create_global_concurrency_limit(
                concurrency_limits.GlobalConcurrencyLimitCreate(
                    name=name, limit=limit, slot_decay_per_second=slot_decay_per_second
                )
            )

    async def delete_global_concurrency_limit_by_name(self, name: str) -> None:
        """Delete a limit; raise ObjectNotFound."""
        await send(limit_operations.DeleteGlobalConcurrencyLimit(id_or_name=name))

    async def create_concurrency_limit(self, tag: str, concurrency_limit: int) -> UUID:
        """Limit how many task runs with a tag run at once; return the limit's id."""
        given = concurrency_limits.ConcurrencyLimitCreate(
            tag=tag, concurrency_limit=concurrency_limit
        )
        made = await send(limit_operations.CreateConcurrencyLimit(limit=given))
        found: UUID = made.id
        return found

    async def read_concurrency_limit_by_tag(self, tag: str) -> ConcurrencyLimit:
        """Return the limit of a tag; raise ObjectNotFound."""
        request = limit_operations.ReadConcurrencyLimitByTag(tag=tag)
        return ConcurrencyLimit.wrap(await send(request))

    async def read_concurrency_limits(self, limit: int, offset: int) -> list[ConcurrencyLimit]:
        """List the limits of tags."""
        request = limit_operations.FilterConcurrencyLimits(limit=limit, offset=offset)
        return [ConcurrencyLimit.wrap(found) for found in await send(request)]

    async def reset_concurrency_limit_by_tag(
        self, tag: str, slot_override: Sequence[Id] | None = None
    ) -> None:
        """Take the slots of a tag from all task runs, or give them to those given."""
        given = None if slot_override is None else [uid(run_id) for run_id in slot_override]
        await send(limit_operations.ResetConcurrencyLimit(tag=tag, slot_override=given))

    async def delete_concurrency_limit_by_tag(self, tag: str) -> None:
        """Delete the limit of a tag; raise ObjectNotFound."""
        await send(limit_operations.DeleteConcurrencyLimit(tag=tag))

    # -- slots
    async def increment_concurrency_slots_with_lease(
        self,
        names: list[str],
        slots: int,
        mode: Literal["concurrency", "rate_limit"],
        lease_duration: float,
        holder: Holder | None = None,
    ) -> Answer:
        """Take slots, all or none, without waiting; `Granted` names the lease by `grant_id`."""
        request = slot_operations.TakeSlots(
            grant_id=backend().ids.new(),
            names=names,
            slots=slots,
            mode=Mode(mode),
            wait=False,
            lease_duration=lease_duration,
            holder=holder,
        )
        found: Answer = await send(request)
        return found

    async def renew_concurrency_lease(self, lease_id: Id, lease_duration: float) -> None:
        """Hold slots for `lease_duration` more seconds; raise ObjectNotFound if they are lost."""
        request = slot_operations.RenewSlots(grant_id=uid(lease_id), lease_duration=lease_duration)
        if not await send(request):
            raise ObjectNotFound(f"There is no lease {lease_id} any longer.")

    async def release_concurrency_slots_with_lease(self, lease_id: Id) -> None:
        """Release slots; one that is not known is none to release."""
        await send(slot_operations.ReleaseSlots(grant_id=uid(lease_id)))
