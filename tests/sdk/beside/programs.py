"""Programs by chance: flows, tasks and calls as plain values, the same for each seed.

They steer around what is known to differ (docs/compatibility.md): nothing that failed is given to a
call that is not submitted, a flow that is tried again returns no states, and of the containers that
a flow returns only lists hold any, where its caller asks for its state.
"""

from __future__ import annotations

import random
from typing import Any

Plain = dict[str, Any]
CONSTANTS = (0, 1, 2, "x", None, True, 2.5, "")
MADE = ("Completed", "Failed", "Cancelled", "Skipped", "Odd", "Data")


class Maker:
    """Draws a program."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._variables: list[str] = []
        self._tasks = self._flows = self._count = 0
        self._caching: set[int] = set()

    def program(self) -> Plain:
        """Return the tasks, the flow that calls them and how it is called."""
        self._tasks = self._random.choice([2, 3, 4])
        tasks = [self._task(number) for number in range(self._tasks)]
        return {"tasks": tasks, "flow": self._flow(0)}

    def _is(self, likely: float) -> bool:
        return self._random.random() < likely

    def _one(self, *values: Any) -> Any:
        return self._random.choice(values)

    def _task(self, number: int) -> Plain:
        options: Plain = {"retries": self._one(0, 1, 1, 2)} if self._is(0.5) else {}
        if options.get("retries") and self._is(0.4):
            options["retry_delay_seconds"] = self._one(0, 0.01, [0, 0.01])
        if self._is(0.15):
            options["persist_result"] = self._is(0.5)
        if self._is(0.2):
            options["tags"] = self._random.sample(["red", "blue", "green"], self._one(1, 2))
        if self._is(0.15):
            options["task_run_name"] = self._one("run-{a}", "fixed", "{a}-{b}")
        caches = options.get("persist_result") is not False and self._is(0.25)
        if caches:
            self._caching.add(number)
        return {
            "name": f"t{number}",
            "options": options,
            "fails": self._one(1, 1, 2, 99) if self._is(0.4) else 0,
            "condition": self._one("yes", "no") if self._is(0.2) else None,
            "cache": self._one("INPUTS", "NO_CACHE", "key", "but a") if caches else None,
            "hooks": [kind for kind in ("completion", "failure", "running") if self._is(0.15)],
            "inside": self._one("call", "submit", "flow") if self._is(0.15) else None,
            "returns": self._one("name", "name", "arguments", "nothing", "list", "dict"),
        }

    def _flow(self, depth: int) -> Plain:
        outside, self._variables = self._variables, []
        retries = self._one(1, 2) if self._is(0.3) else 0
        self._flows += 1
        flow = {
            "name": f"f{self._flows}",
            "as_state": self._is(0.5),
            "options": {"retries": retries, "persist_result": self._one(None, None, True)},
            "fails": self._one(0, 0, 0, 1, 99),
            "hooks": [kind for kind in ("failure", "running") if self._is(0.2)],
            "body": [self._step(depth) for _ in range(self._one(2, 3, 4, 5) - depth)],
        }
        flow["returns"] = self._one(None, {"constant": 1})
        if not retries:
            flow["returns"] = self._returned(flow["as_state"])
        self._variables = outside
        return flow

    def _returned(self, as_state: bool) -> Plain | None:
        named = [{"variable": name} for name in self._variables]
        ways: list[Plain | None] = [None, {"made": self._one(*MADE)}, {"constant": "x"}]
        if named:
            ways.append(self._one(*named))
            if as_state:
                ways.append({"list": self._random.sample(named, 1)})
        return self._one(*ways)

    def _step(self, depth: int) -> Plain:
        drawn = self._random.random()
        if drawn < 0.15 and depth < 2:
            body, outside = [], list(self._variables)
            body += [self._step(depth + 1) for _ in range(self._one(1, 2))]
            self._variables = outside
            return {"do": "tags", "tags": [self._one("in", "out")], "body": body}
        if drawn < 0.3 and depth < 2:
            step = {"do": "flow", "flow": self._flow(depth + 1)}
        elif drawn < 0.45 and self._variables:
            step = {"do": self._one("result", "wait"), "of": self._one(*self._variables)}
        else:
            step = self._call()
        self._count += 1
        name = f"v{self._count}"
        self._variables.append(name)
        return {**step, "variable": name}

    def _call(self) -> Plain:
        way = self._one("call", "state", "submit", "submit", "map")
        number = self._random.randrange(self._tasks)
        if way == "map" and number in self._caching:  # whose calls may find each other's results
            way = "submit"
        step: Plain = {"do": "call", "task": number, "way": way}
        if way == "map":
            step["a"] = self._one({"constant": [1, 2]}, {"constant": []}, {"constant": "ab"})
            step["b"] = self._one({"constant": [4, 5]}, {"constant": 7}, {"unmapped": [7, 8]})
        else:
            step["a"], step["b"] = self._value(), self._value()
        if self._variables and self._is(0.2):
            step["wait_for"] = self._one(*self._variables)
        if way != "map" and self._is(0.2):
            step["options"] = self._one({"name": "other"}, {"retries": 1}, {"tags": ["white"]})
        return step

    def _value(self, depth: int = 0) -> Plain:
        drawn = self._random.random()
        if self._variables and drawn < 0.5:
            held = {"variable": self._one(*self._variables)}
            return {"allow_failure": held} if self._is(0.15) else held
        if drawn < 0.65 and depth < 2:
            return {"list": [self._value(depth + 1) for _ in range(self._one(0, 1, 2))]}
        if drawn < 0.7 and depth < 2:
            return {"dict": {"k": self._value(depth + 1)}}
        return {"constant": self._one(*CONSTANTS)}
