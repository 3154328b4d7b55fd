"""The harness' own workloads for Legato, of which W2 is read back without a server.

The harness counts what a script left behind through `legato server start`. Until Legato has a
server, a second process counts the rows of the database instead (`rows.py`); all that is timed is
the harness' code, unchanged. Takes the arguments of the harness' `prefectlike.py`, beside which
`run.py` puts this file.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def harness() -> ModuleType:
    """Return the harness' workloads as a module, without the `main()` that ends the file."""
    path = os.path.join(HERE, "prefectlike.py")
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    if ast.unparse(tree.body.pop()) != "main()":
        raise RuntimeError("The harness' prefectlike.py does not end with main() any more")
    module = ModuleType("prefectlike")
    module.__file__ = path
    exec(compile(tree, path, "exec"), module.__dict__)
    return module


def database() -> str:
    return os.path.join(os.environ["LEGATO_HOME"], "legato.db")


def recorded() -> dict[str, Any]:
    """Return what a second process counts in the database."""
    command = [sys.executable, os.path.join(HERE, "rows.py"), database()]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    counts: dict[str, Any] = json.loads(found.stdout)
    return counts


class Embedded:
    """Stands in for the harness' `Server`: answers its requests from the counts."""

    def __init__(self) -> None:
        self.counts = recorded()

    def api(self, _method: str, path: str, body: dict[str, Any]) -> Any:
        if path.endswith("/count"):
            noun = path.strip("/").removesuffix("/count")
            found: dict[str, int] = self.counts[noun]
            wanted = body.get(noun, {}).get("state", {}).get("type", {}).get("any_", found)
            return sum(count for state, count in found.items() if state in wanted)
        if path == "/logs/filter":
            return [{}] * self.counts["logs"]
        if path == "/flow_runs/filter":
            return [{"state_type": state} for state in self.counts["flow_runs"]]
        raise NotImplementedError(path)

    def stop(self) -> None:
        """Nothing was started."""


def main() -> None:
    module = harness()
    emit = module.emit

    def emit_counted(workload: str, **fields: Any) -> None:
        emit(workload, **fields, counts=recorded())

    if module.A.workload == "W2":
        module.__dict__.update(Server=Embedded, emit=emit_counted)
    module.main()


if __name__ == "__main__":
    main()
