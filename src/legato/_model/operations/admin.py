"""Operations on the backend itself."""

from __future__ import annotations

from typing import ClassVar

from legato._model.operations.spec import Operation, Spec


class Hello(Operation):
    """Say that the backend can be used."""

    spec: ClassVar = Spec(id="admin.hello", method="GET", path="/hello", access="read", answer=str)
