"""Submitted tasks on the workers of Dask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from legato._sdk.remote_runner import RemoteTaskRunner, checked_mapping, require

if TYPE_CHECKING:
    from legato._sdk.dispatch import Engine


class DaskTaskRunner(RemoteTaskRunner):
    """Runs submitted tasks on a cluster of Dask: a temporary one of this machine by default.

    `address` is that of a running scheduler, `cluster` a cluster object of the caller's. Else
    `cluster_class`, a class or its dotted path, is called with `cluster_kwargs` at the first
    submitted task, and the cluster closed with the flow run. `adapt_kwargs` go to its `adapt()`,
    `client_kwargs` to `distributed.Client`. `performance_report_path` names a file for Dask's
    report. Needs `pip install "legato[dask]"`.

    >>> from legato import flow
    >>> from legato.task_runners import DaskTaskRunner
    >>> @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 2}))
    ... def calculate() -> None: ...
    >>> calculate.task_runner
    DaskTaskRunner(cluster_kwargs={'n_workers': 2})
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the names of prefect-dask
        self,
        cluster: Any = None,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: dict[str, Any] | None = None,
        adapt_kwargs: dict[str, Any] | None = None,
        client_kwargs: dict[str, Any] | None = None,
        performance_report_path: str | None = None,
    ) -> None:
        given = dict(locals())
        super().__init__({name: given[name] for name in _OPTIONS})
        require("distributed", self, "the runner needs", "legato[dask]")
        for name in ("cluster_kwargs", "adapt_kwargs", "client_kwargs"):
            checked_mapping(self, name, given[name])
        _check_one_cluster(given)
        _check_kwargs(cluster_kwargs or {}, client_kwargs or {})
        if performance_report_path is not None:
            require("bokeh", self, "performance_report_path needs", "bokeh")

    def _engine(self) -> Engine:
        from legato._sdk.dask_engine import DaskEngine

        return DaskEngine(self._options)


_OPTIONS = (
    "cluster", "address", "cluster_class", "cluster_kwargs", "adapt_kwargs", "client_kwargs",
    "performance_report_path",
)  # fmt: skip


def _check_one_cluster(given: dict[str, Any]) -> None:
    named = [name for name in ("cluster", "address", "cluster_class") if given[name] is not None]
    if len(named) > 1:
        raise ValueError(
            f"DaskTaskRunner: {' and '.join(named)} each name a cluster; give one of them."
        )
    first = named[0] if named else None
    for name in ("cluster_kwargs", "adapt_kwargs"):
        if given[name] and (first == "address" or (first == "cluster" and name != "adapt_kwargs")):
            raise ValueError(
                f"DaskTaskRunner: {name} are for a cluster that the runner starts; "
                f"{first} names one that runs already. Leave one of the two out."
            )
    address = given["address"]
    if address is not None and (not isinstance(address, str) or ":" not in address):
        raise ValueError(
            "DaskTaskRunner: address is that of a scheduler, as 'tcp://10.0.0.5:8786', "
            f"not {address!r}."
        )
    wanted = given["cluster_class"]
    if wanted is not None and not callable(wanted) and "." not in str(wanted):
        raise ValueError(
            "DaskTaskRunner: cluster_class is a class or its dotted path, as "
            f"'distributed.LocalCluster', not {wanted!r}."
        )


def _check_kwargs(for_cluster: dict[str, Any], for_client: dict[str, Any]) -> None:
    for name, given in (("cluster_kwargs", for_cluster), ("client_kwargs", for_client)):
        if given.get("asynchronous"):
            raise ValueError(
                f"DaskTaskRunner: {name} holds asynchronous=True; the runner waits for the "
                "cluster by itself, so leave it out."
            )
    if "address" in for_client:
        raise ValueError(
            "DaskTaskRunner: client_kwargs holds address; give it as DaskTaskRunner(address=...)."
        )
