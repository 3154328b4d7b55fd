"""A cluster of Dask, as `dispatch.py` sees it."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from legato._sdk.exceptions import ConfigurationError
from legato._sdk.remote_errand import run_errand
from legato._sdk.remote_runner import own_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class DaskEngine:
    """Connects to a cluster, or starts one, as the options of `DaskTaskRunner` say."""

    name = "Dask"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._distributed: Any = import_module("distributed")
        self._cluster: Any = None
        self._owns_cluster = options["cluster"] is None and options["address"] is None
        self._at_end = ExitStack()
        try:
            self._open(options)
        except BaseException:
            self.close()
            raise

    def submit(
        self, name: str, key: str, blob: bytes, done: Callable[[BaseException | None], None]
    ) -> Any:
        """Have a worker do an errand; `dask.annotate` around the submission holds for it."""
        future: Any = self._client.submit(run_errand, blob, key=f"{name}-{key}", pure=False)

        def tell(_: Any) -> None:
            done(_error_of(future))

        future.add_done_callback(tell)
        return future

    def forget(self, handle: Any) -> None:
        """Let go of a task; one that waits is not begun."""
        handle.release()

    def kill(self, handles: Iterable[Any]) -> None:
        """Kill the workers of a local cluster of ours; those of others are left alone."""
        if not self._owns_cluster:
            return
        for worker in list(getattr(self._cluster, "workers", {}).values()):
            pid = getattr(worker, "pid", None)
            if isinstance(pid, int) and pid != os.getpid():
                worker.close_gracefully()  # it shall not be started again
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Close what was opened here."""
        self._at_end.close()

    def _open(self, options: Mapping[str, Any]) -> None:
        target = options["address"] or options["cluster"]
        if target is None:
            self._cluster = target = self._started(options)
            self._at_end.callback(target.close)
        else:
            self._cluster = options["cluster"]
        if options["adapt_kwargs"]:
            target.adapt(**options["adapt_kwargs"])
        self._client: Any = self._connected(target, options["client_kwargs"] or {})
        self._at_end.callback(self._client.close)
        address: str = self._client.scheduler.address
        self.host = own_host(urlsplit(address).hostname or "")
        if options["performance_report_path"] is not None:
            self._report(options["performance_report_path"])

    def _started(self, options: Mapping[str, Any]) -> Any:
        cluster_class = options["cluster_class"] or self._distributed.LocalCluster
        if isinstance(cluster_class, str):
            cluster_class = _named(cluster_class)
        try:
            return cluster_class(**(options["cluster_kwargs"] or {}))
        except RuntimeError as error:
            raise ConfigurationError(
                f"DaskTaskRunner: the cluster did not start: {error} Its processes import the main "
                'script: call the flow below `if __name__ == "__main__":`.'
            ) from error

    def _connected(self, target: Any, given: Mapping[str, Any]) -> Any:
        try:
            return self._distributed.Client(target, **{"set_as_default": False, **given})
        except (OSError, ValueError) as error:  # ValueError: no such kind of address
            where = target if isinstance(target, str) else target.scheduler_address
            raise ConfigurationError(
                f"DaskTaskRunner: no scheduler answers at {where}: {error}. Start one with "
                "`dask scheduler`, or leave address out for a cluster on this machine."
            ) from error

    def _report(self, path: str) -> None:
        """Have Dask write its report when all is done."""
        report = self._distributed.performance_report(filename=os.path.abspath(path))

        def finish() -> None:
            with self._client.as_current():
                report.__exit__(None, None, None)

        with self._client.as_current():
            report.__enter__()
        self._at_end.callback(finish)


def _named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"DaskTaskRunner: cluster_class {path!r} cannot be imported: {error}."
        ) from error


def _error_of(future: Any) -> BaseException | None:
    """Return with what a task of Dask has ended that did not finish."""
    if future.status == "finished":
        return None
    try:
        error: BaseException | None = future.exception()
    except BaseException as exc:  # noqa: BLE001 - a cancelled task raises what it is cancelled by
        error = exc
    return error or RuntimeError(f"the task is {future.status}")
