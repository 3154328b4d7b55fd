"""Submitted tasks on the workers of Ray."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from legato._sdk.remote_runner import RemoteTaskRunner, checked_mapping, require

if TYPE_CHECKING:
    from legato._sdk.dispatch import Engine

_remote_options: ContextVar[dict[str, Any] | None] = ContextVar(
    "legato_remote_options", default=None
)


class RayTaskRunner(RemoteTaskRunner):
    """Runs submitted tasks on Ray: the instance that this process is connected to, if it is.

    Else `ray.init(address, **init_kwargs)` is called at the first submitted task, which starts one
    on this machine where `address` is left out, and it is shut down with the flow run. Needs
    `pip install "legato[ray]"`.

    >>> from legato import flow
    >>> from legato.task_runners import RayTaskRunner
    >>> @flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 2}))
    ... def calculate() -> None: ...
    >>> calculate.task_runner
    RayTaskRunner(init_kwargs={'num_cpus': 2})
    """

    def __init__(
        self, address: str | None = None, init_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__({"address": address, "init_kwargs": init_kwargs})
        require("ray", self, "the runner needs", "legato[ray]")
        if "address" in checked_mapping(self, "init_kwargs", init_kwargs):
            raise ValueError(
                "RayTaskRunner: init_kwargs holds address; give it as RayTaskRunner(address=...)."
            )
        named: Any = address
        if named is not None and (
            not isinstance(named, str) or (":" not in named and named not in {"auto", "local"})
        ):
            raise ValueError(
                "RayTaskRunner: address is that of a cluster, as '10.0.0.5:6379' or "
                f"'ray://10.0.0.5:10001', or 'auto', not {named!r}."
            )

    def _engine(self) -> Engine:
        from legato._sdk.ray_engine import RayEngine

        return RayEngine(self._options)


def current_remote_options() -> dict[str, Any]:
    """Return what the blocks around the submission have set."""
    return _remote_options.get() or {}


@contextmanager
def remote_options(**options: Any) -> Generator[None, None, None]:
    """Give the tasks that are submitted inside the block these options of `ray.remote`.

    >>> from legato.task_runners import remote_options
    >>> with remote_options(num_cpus=2, max_retries=0):
    ...     pass
    """
    if "num_returns" in options:
        raise ValueError("remote_options: num_returns is fixed, results do not come home by Ray.")
    token = _remote_options.set({**current_remote_options(), **options})
    try:
        yield
    finally:
        _remote_options.reset(token)
