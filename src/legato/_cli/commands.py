"""The table of commands: name, module and help, so that `--help` loads none of the modules."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import click


class Entry(NamedTuple):
    """A command; its module calls it `command`, and its help begins with `help`."""

    module: str
    help: str

    def load(self) -> click.Command:
        """Import the module."""
        found: click.Command = import_module(f"legato._cli.{self.module}").command
        return found


COMMANDS: dict[str, Entry] = {
    "run": Entry("run", "Run a flow of a Python file, here and now."),
    "flow-run": Entry("flow_runs", "List, inspect, cancel and delete flow runs; read their logs."),
    "task-run": Entry("task_runs", "List and inspect task runs; mark them as succeeded."),
    "flow": Entry("flows", "List flows."),
    "deployment": Entry("deployments", "List, inspect and delete deployments; make runs of them."),
    "variable": Entry("variables", "List, read and change variables."),
    "artifact": Entry("artifacts", "List, inspect and delete artifacts."),
    "event": Entry("events", "Emit an event, and print events as they come."),
    "concurrency-limit": Entry(
        "concurrency_limits", "Limit how many task runs with a tag run at once."
    ),
    "global-concurrency-limit": Entry(
        "global_concurrency_limits", "List and change concurrency limits and rate limits."
    ),
    "dev": Entry(
        "dev", "Serve the API on this machine, and run a command that records through it."
    ),
    "server": Entry(
        "server", "Start and stop a server, and look after the database that runs are recorded in."
    ),
    "db": Entry(
        "database", "Measure the database, delete what is old, bring it to this version of Legato."
    ),
    "spool": Entry("spool", "List and deliver what waits for the database to work again."),
    "config": Entry("config", "View and change settings."),
    "profile": Entry("profiles", "List profiles, and choose the one whose settings hold."),
    "version": Entry("version", "Show the versions of Legato and of what it runs on."),
}
