"""Operations on the backend itself."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.errors import ObjectNotFound
from legato._model.operations.spec import Operation, Spec


class Hello(Operation):
    """Say that the backend can be used."""

    spec: ClassVar = Spec(id="admin.hello", method="GET", path="/hello", access="read", answer=str)


class DefaultResultStorage(Struct, kw_only=True):
    """The block that says where results go that name no other place; there is none yet."""

    default_result_storage_block_id: UUID | None = None


class ReadDefaultResultStorage(Operation):
    """Read where results go that name no other place."""

    spec: ClassVar = Spec(
        id="admin.read_storage",
        method="GET",
        path="/admin/storage",
        access="read",
        answer=DefaultResultStorage,
    )


class UpdateDefaultResultStorage(Operation):
    """Say where results go that name no other place; raise ObjectNotFound for an unknown block."""

    spec: ClassVar = Spec(
        id="admin.update_storage",
        method="PUT",
        path="/admin/storage",
        access="write",
        answer=DefaultResultStorage,
        errors=(ObjectNotFound,),
    )
    default_result_storage_block_id: UUID | None = None


class ClearDefaultResultStorage(Operation):
    """Have results that name no other place go where each client keeps its own."""

    spec: ClassVar = Spec(
        id="admin.clear_storage",
        method="DELETE",
        path="/admin/storage",
        access="write",
        answer=None,
        status=204,
    )
