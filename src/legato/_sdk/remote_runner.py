"""What the task runners for Dask and Ray have in common."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

from legato._sdk.exceptions import ConfigurationError
from legato._sdk.task_runners import TaskRunner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from legato._sdk.dispatch import Dispatch, Engine
    from legato._sdk.submission import Submission

LOOPBACK = "127.0.0.1"


class RemoteTaskRunner(TaskRunner):
    """Runs submitted tasks on the workers of an engine; `options` are those of the constructor."""

    has_loops = False

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__()
        self._options = dict(options)
        self._dispatch: Dispatch | None = None

    def duplicate(self) -> Self:
        """Return another one with the same options."""
        return type(self)(**self._options)

    def open(self, name: str) -> None:
        """Connect to the cluster, or start one."""
        from legato._sdk.dispatch import Dispatch

        super().open(name)
        engine = self._engine()
        try:
            self._dispatch = Dispatch(engine)
        except OSError as error:
            engine.close()
            raise ConfigurationError(
                f"{type(self).__name__}: workers are to send states and logs to {engine.host}, "
                f"but this process cannot listen there: {error}."
            ) from error

    def start(self, submission: Submission) -> None:
        """Run a task that is ready."""
        if self._dispatch is not None:
            submission.context.run(self._dispatch.send, submission)

    def stop(self) -> None:
        """End what is at work; the workers that this process has started are killed."""
        if self._dispatch is not None:
            self._dispatch.stop()

    def close(self) -> None:
        """Let go of the cluster; end it if this runner has started it."""
        if self._dispatch is not None:
            self._dispatch.close()

    def _engine(self) -> Engine:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteTaskRunner) and (
            (type(other), other._options) == (type(self), self._options)
        )

    def __hash__(self) -> int:
        return hash((type(self), *self._options))

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in self._options.items() if value is not None)
        return f"{type(self).__name__}({', '.join(given)})"


def require(module: str, runner: object, why: str, package: str) -> None:
    """Raise ImportError where a module of others is not installed."""
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ImportError(
            f"{type(runner).__name__}: {why} {module!r}, which is not installed here: "
            f'pip install "{package}"',
            name=module,
        )


def checked_mapping(runner: object, name: str, value: object) -> dict[str, Any]:
    """Return an option that holds keyword arguments; raise TypeError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(
            f"{type(runner).__name__}: {name} must be a dict of keyword arguments, not {value!r}."
        )
    return dict(cast("dict[str, Any]", value))


def own_host(peer: str) -> str:
    """Return the address of this machine that `peer`, a host of the cluster, can reach."""
    if not peer or peer == "localhost" or _is_loopback(peer):
        return LOOPBACK
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))  # sends nothing: it only finds the way
        host: str = probe.getsockname()[0]
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
