"""Artifacts: what runs show to people. Made inside a run, they are facts of its journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from legato._model import artifacts
from legato._model.errors import ObjectNotFound
from legato._model.operations.artifacts import (
    CreateArtifact,
    ReadArtifactCollection,
    UpdateArtifact,
)
from legato._model.records import ArtifactChanged, ArtifactMade
from legato._model.wire import jsonable
from legato._sdk.client import objects, sending, waiting
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.records import Record, RecordMeta, ValidationError
from legato._sdk.services import backend

if TYPE_CHECKING:
    from legato._model.operations.spec import Operation

Table = dict[str, list[Any]] | list[dict[str, Any]] | list[list[Any]]
MAX_CHARACTERS = 15 * 1024 * 1024


class Artifact(Record, artifacts.ArtifactCreate, metaclass=RecordMeta):
    """An artifact to be made; those of one `key` are its versions.

    >>> Artifact(type="markdown", key="report", data="# Done").create().key
    'report'
    """

    def format(self) -> Any:
        """Return the data as it is stored."""
        return self.data

    async def aformat(self) -> Any:
        """Return the data as it is stored."""
        return self.format()

    def create(self, client: Any = None) -> objects.Artifact:
        """Make the artifact; inside a run it belongs to that run, and nothing is waited for."""
        made, left = _made(self)
        if left is not None:
            sending.send(left)
        return made

    async def acreate(self, client: Any = None) -> objects.Artifact:
        """Make the artifact; see `create`."""
        made, left = _made(self)
        if left is not None:
            await waiting.send(left)
        return made

    @classmethod
    def get(cls, key: str | None = None, client: Any = None) -> objects.Artifact | None:
        """Return the latest artifact of a key, or None."""
        if key is None:
            return None
        try:
            return objects.Artifact.wrap(sending.send(ReadArtifactCollection(key=key)))
        except ObjectNotFound:
            return None

    @classmethod
    async def aget(cls, key: str | None = None, client: Any = None) -> objects.Artifact | None:
        """Return the latest artifact of a key, or None."""
        if key is None:
            return None
        try:
            return objects.Artifact.wrap(await waiting.send(ReadArtifactCollection(key=key)))
        except ObjectNotFound:
            return None

    @classmethod
    def get_or_create(
        cls,
        key: str | None = None,
        description: str | None = None,
        data: Any = None,
        client: Any = None,
        **kwargs: Any,
    ) -> tuple[objects.Artifact, bool]:
        """Return the latest artifact of a key, or make one; and whether it was made."""
        found = cls.get(key)
        if found is not None:
            return found, False
        return cls(key=key, description=description, data=data, **kwargs).create(), True

    @classmethod
    async def aget_or_create(
        cls,
        key: str | None = None,
        description: str | None = None,
        data: Any = None,
        client: Any = None,
        **kwargs: Any,
    ) -> tuple[objects.Artifact, bool]:
        """Return the latest artifact of a key, or make one; and whether it was made."""
        found = await cls.aget(key)
        if found is not None:
            return found, False
        made = cls(key=key, description=description, data=data, **kwargs)
        return await made.acreate(), True


class MarkdownArtifact(Artifact, kw_only=True):
    """Text in Markdown."""

    markdown: str
    type: str | None = "markdown"

    def format(self) -> str:
        """Return the text."""
        return self.markdown


class LinkArtifact(Artifact, kw_only=True):
    """A link, with a text for it."""

    link: str
    link_text: str | None = None
    type: str | None = "markdown"

    def format(self) -> str:
        """Return the link in Markdown."""
        return f"[{self.link_text or self.link}]({self.link})"


class TableArtifact(Artifact, kw_only=True):
    """A table: a list of rows, as dicts or lists, or a dict of columns."""

    table: dict[str, Any] | list[Any]
    type: str | None = "table"

    def format(self) -> str:
        """Return the table as JSON text; what is no number, such as NaN, becomes null."""
        return json.dumps(_plain(self.table), ensure_ascii=False)


class ImageArtifact(Artifact, kw_only=True):
    """An image at an address."""

    image_url: str
    type: str | None = "image"

    def format(self) -> str:
        """Return the address."""
        return self.image_url


class ProgressArtifact(Artifact, kw_only=True):
    """How far something has come: 0 to 100."""

    progress: float
    type: str | None = "progress"

    def format(self) -> float:
        """Return the percentage; raise ValidationError for one that is none."""
        return _percentage(self.progress)


def _percentage(progress: float) -> float:
    if not 0 <= progress <= 100:
        raise ValidationError(f"progress: It is a percentage from 0 to 100, not {progress}.")
    number = float(progress)
    return int(number) if number.is_integer() else number  # 100, as Prefect gives it back


def _plain(data: Any) -> Any:
    """Return a copy of data as JSON has it, which later changes of the original do not reach."""
    if data is None or isinstance(data, str | bool | int):
        return data
    try:
        return msgspec.json.decode(msgspec.json.encode(jsonable(data)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"data: {error}.") from None


def _made(given: Artifact) -> tuple[objects.Artifact, Operation | None]:
    """Return the artifact, and the operation that still has to store it outside of runs."""
    fault = None if given.key is None else artifacts.fault_of_key(given.key)
    if fault is not None:
        raise ValidationError(f"{type(given).__name__}: key: {fault}")
    data = _plain(given.format())
    if isinstance(data, str) and len(data) > MAX_CHARACTERS:
        raise ValidationError(
            f"{type(given).__name__}: data: {len(data)} characters are too many for an artifact "
            f"(at most {MAX_CHARACTERS}): keep them in a file and link to it."
        )
    home, (flow_run_id, task_run_id) = backend(), _place(given)
    now = given.created or home.clock.now()
    created = artifacts.ArtifactCreate(
        id=given.id or home.ids.new(),
        created=now,
        key=given.key,
        type=given.type,
        description=given.description,
        data=data,
        metadata_=given.metadata_,
        flow_run_id=flow_run_id,
        task_run_id=task_run_id,
    )
    left = None if _recorded(ArtifactMade(created)) else CreateArtifact(artifact=created)
    fields = {name: getattr(created, name) for name in created.__struct_fields__}
    return objects.Artifact(**fields, updated=now), left


def _recorded(record: ArtifactMade | ArtifactChanged) -> bool:
    """Put a fact into the journal of the active run, if there is one."""
    run = current.get()
    if run is None:
        return False
    flow = run.flow_run_context if isinstance(run, TaskRunContext) else run
    home = flow.backend if flow is not None else backend()
    home.journal.append(record)
    return True


def _place(given: Artifact) -> tuple[UUID | None, UUID | None]:
    """Return the flow run and the task run that an artifact belongs to."""
    run, task = FlowRunContext.get(), TaskRunContext.get()
    return (
        given.flow_run_id or (run.id if run is not None else None),
        given.task_run_id or (task.id if task is not None else None),
    )


def _id(made: objects.Artifact) -> UUID:
    return made.id


def create_markdown_artifact(
    markdown: str, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of Markdown text; return its id.

    >>> _ = create_markdown_artifact("# Report", key="daily")
    """
    return _id(MarkdownArtifact(key=key, description=description, markdown=markdown).create())


async def acreate_markdown_artifact(
    markdown: str, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of Markdown text; return its id."""
    made = MarkdownArtifact(key=key, description=description, markdown=markdown)
    return _id(await made.acreate())


def create_table_artifact(
    table: Table, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of a table; return its id.

    >>> _ = create_table_artifact([{"city": "Oslo", "delay": 4.5}], key="delays")
    """
    return _id(TableArtifact(key=key, description=description, table=table).create())


async def acreate_table_artifact(
    table: Table, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of a table; return its id."""
    return _id(await TableArtifact(key=key, description=description, table=table).acreate())


def create_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
    client: Any = None,
) -> UUID:
    """Make an artifact of a link; return its id.

    >>> _ = create_link_artifact("https://example.org/report", "the report")
    """
    made = LinkArtifact(key=key, description=description, link=link, link_text=link_text)
    return _id(made.create())


async def acreate_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
    client: Any = None,
) -> UUID:
    """Make an artifact of a link; return its id."""
    made = LinkArtifact(key=key, description=description, link=link, link_text=link_text)
    return _id(await made.acreate())


def create_image_artifact(
    image_url: str, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of an image; return its id.

    >>> _ = create_image_artifact("https://example.org/chart.png")
    """
    return _id(ImageArtifact(key=key, description=description, image_url=image_url).create())


async def acreate_image_artifact(
    image_url: str, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of an image; return its id."""
    made = ImageArtifact(key=key, description=description, image_url=image_url)
    return _id(await made.acreate())


def create_progress_artifact(
    progress: float, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of a percentage from 0 to 100; return its id.

    >>> progress = create_progress_artifact(0.0)
    >>> _ = update_progress_artifact(progress, 50.0)
    """
    return _id(ProgressArtifact(key=key, description=description, progress=progress).create())


async def acreate_progress_artifact(
    progress: float, key: str | None = None, description: str | None = None
) -> UUID:
    """Make an artifact of a percentage from 0 to 100; return its id."""
    made = ProgressArtifact(key=key, description=description, progress=progress)
    return _id(await made.acreate())


def update_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None, client: Any = None
) -> UUID:
    """Change the percentage of an artifact; raise ObjectNotFound outside of runs."""
    left = _changed(artifact_id, progress, description)
    if left is not None:
        sending.send(left)
    return artifact_id


async def aupdate_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None, client: Any = None
) -> UUID:
    """Change the percentage of an artifact; raise ObjectNotFound outside of runs."""
    left = _changed(artifact_id, progress, description)
    if left is not None:
        await waiting.send(left)
    return artifact_id


def _changed(artifact_id: UUID, progress: float, description: str | None) -> Operation | None:
    change = artifacts.ArtifactUpdate(data=_percentage(progress))
    if description is not None:
        change.description = description
    if _recorded(ArtifactChanged(artifact_id, backend().clock.now(), change)):
        return None
    return UpdateArtifact(artifact_id=artifact_id, artifact=change)
