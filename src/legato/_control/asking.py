"""Operations as a server hands them to its store: what many ask for at a time is done at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from legato._control import flow_runs, prefect_flow_runs
from legato._control.registry import Handler, handler_of
from legato._model.errors import Error
from legato._model.operations.spec import Operation
from legato._store.port import Transaction


class Asked:
    """An operation, when it was asked for, and the function that carries it out."""

    __slots__ = ("handle", "now", "operation")

    def __init__(self, handle: Handler, now: datetime, operation: Any) -> None:
        self.handle, self.now, self.operation = handle, now, operation

    def __call__(self, tx: Transaction) -> Any:
        return self.handle(tx, self.now, self.operation)


class SettingState(Asked):
    """A state proposed for a flow run by Prefect's rules."""

    @staticmethod
    def together(tx: Transaction, ops: Sequence[Asked]) -> list[Any]:
        """Propose the states of several runs; of one run one after the other."""
        outcomes: dict[Asked, Any] = {}
        left = list(ops)
        while left:
            rounds: dict[int, Asked] = {}
            for op in left:
                rounds.setdefault(op.operation.flow_run_id.int, op)
            now = list(rounds.values())
            found = prefect_flow_runs.set_states(tx, [(op.now, op.operation) for op in now])
            outcomes |= zip(now, found, strict=True)
            left = [op for op in left if op not in outcomes]
        return [outcomes[op] for op in ops]


class CreatingFlowRun(Asked):
    """A flow run that is created."""

    @staticmethod
    def together(tx: Transaction, ops: Sequence[Asked]) -> list[Any]:
        """Create several runs; those that somebody else may have created one after the other."""
        plain = [op for op in ops if flow_runs.is_surely_new(op.operation)]
        found = flow_runs.create_new(tx, [(op.now, op.operation) for op in plain])
        outcomes = dict(zip(plain, found, strict=True))
        return [outcomes[op] if op in outcomes else _alone(tx, op) for op in ops]


def _alone(tx: Transaction, op: Asked) -> Any:
    try:
        return op(tx)
    except Error as refusal:
        return refusal


_AT_ONCE: dict[tuple[str, bool], type[Asked]] = {
    ("flow_runs.set_state", True): SettingState,
    ("flow_runs.set_state", False): SettingState,
    ("flow_runs.create", True): CreatingFlowRun,
}


def asked(operation: Operation, now: datetime, *, prefect: bool) -> Callable[[Transaction], Any]:
    """Return an operation for a store; `prefect`: for one of its clients."""
    kind = _AT_ONCE.get((operation.spec.id, prefect), Asked)
    return kind(handler_of(operation, prefect=prefect), now, operation)
