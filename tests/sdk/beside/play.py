"""Plays programs with Prefect or Legato and writes what came to pass: `play.py NAME FROM TO`.

A script that both interpreters run; nothing of Legato's is imported unless it is what plays.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
import threading

from programs import Maker

NAME = sys.argv[1]
fw = importlib.import_module(NAME)
states = importlib.import_module(f"{NAME}.states")
policies = importlib.import_module(f"{NAME}.cache_policies")
runtime = importlib.import_module(f"{NAME}.runtime")
orchestration = importlib.import_module(f"{NAME}.client.orchestration")
filters = importlib.import_module(f"{NAME}.client.schemas.filters")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBERED = re.compile(r"\b(t\d|other|inner)-(<id>|\d+|[0-9a-f]{3})(?!\w)")
_UPSTREAM = re.compile(r"Upstream task run (?:'.*?'|\".*?\")(?: \(<id>\))?")
_SUBFLOW = re.compile(r"f\d+-\d+$")
_UNFINISHED = re.compile(r"^Run is in \w+ state, .*")


def told(text):
    """Return a message as both would say it."""
    text = _NUMBERED.sub(r"\1-N", _ID.sub("<id>", str(text or "")))
    text = _UPSTREAM.sub("Upstream task run", _UNFINISHED.sub("unfinished", text))
    text = re.sub(r"unexpected exception: (\w+)\('(.*)'\)$", r"an exception \1: \2", text)
    return re.sub(r"Parameters: [\[{].*", "Parameters", re.sub("prefect|legato", "fw", text))


def show(value):
    if isinstance(value, states.State):
        return f"{value.type.value} {value.name} {told(value.message)}"
    if isinstance(value, BaseException):
        blocked = "did not reach a 'COMPLETED'" in str(value)
        return "blocked" if blocked else f"{type(value).__name__} {told(value)}"
    if is_future(value):
        return "future"
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, dict):
        return str({key: show(item) for key, item in value.items()})
    return repr(value)


def is_future(value):
    return hasattr(value, "task_run_id") and hasattr(value, "wait")


def failed(value):
    """Tell whether a call with this value would be blocked."""
    if is_future(value):
        return not value.state.is_completed()
    if isinstance(value, states.State):
        return not value.is_completed()
    if isinstance(value, fw.allow_failure):
        return False
    if isinstance(value, list | dict):
        return any(map(failed, value.values() if isinstance(value, dict) else value))
    return False


class Player:
    """Plays one program; `lines` is what came to pass."""

    def __init__(self, seed):
        self.program, self.lines, self.runs = Maker(seed).program(), [], []
        self._tries, self._lock, self._seed = {}, threading.Lock(), seed
        self._tasks = [self._task(given) for given in self.program["tasks"]]

    def say(self, *words):
        with self._lock:
            self.lines.append(" ".join(map(str, words)))

    def play(self):
        try:
            self.say("END", show(self._flow_step(self.program, {})))
        except Exception as error:  # noqa: BLE001 - whatever the program raises
            self.say("RAISED", show(error))
        return self.lines

    def _hooks(self, name, kinds):
        def hook_of(kind):
            def hook(_, run, state):
                self.say("hook", name, kind, show(state))

            return hook

        return {f"on_{kind}": [hook_of(kind)] for kind in kinds}

    def _task(self, given):
        def body(a, b=0, _task=given["name"]):  # tells keys apart: all tasks have one source
            run = runtime.task_run
            with self._lock:
                count = self._tries[run.id] = self._tries.get(run.id, 0) + 1
            self.say(given["name"], count, run.run_count, show(a), show(b), sorted(run.tags))
            self._inside(given["inside"], f"{run.id} {count}")
            if count <= given["fails"]:
                raise ValueError(f"bad {count}")
            plain = {"name": given["name"], "arguments": [a, b], "nothing": None}
            return {**plain, "list": [1, 2], "dict": {"x": 1}}[given["returns"]]

        body.__name__ = body.__qualname__ = given["name"]
        options = {**given["options"], **self._hooks(given["name"], given["hooks"])}
        if given["condition"]:
            options["retry_condition_fn"] = lambda *_: given["condition"] == "yes"
        if given["cache"] == "key":
            options["cache_key_fn"] = lambda _, of: f"{self._seed}-{json.dumps(of, default=repr)}"
        elif given["cache"]:
            run_id = policies.RUN_ID
            within = {"INPUTS": policies.INPUTS + run_id, "but a": policies.INPUTS + run_id - "a"}
            options["cache_policy"] = within.get(given["cache"], policies.NO_CACHE)
        return fw.task(**options)(body)

    def _inside(self, way, value):
        def inner(x):
            self.say("inner", x == value)
            return x

        if way == "flow":
            fw.flow(inner)(value)
        elif way == "submit":
            fw.task(inner).submit(value).result()
        elif way == "call":
            fw.task(inner)(value)

    def _flow(self, given):
        tries = []

        def body(a=None):
            run = runtime.flow_run
            tries.append(run.id)
            self.runs.append(run.id)
            self.say(given["name"], len(tries), run.run_count, sorted(run.tags))
            values = {}
            for step in given["body"]:
                self._step(step, values)
            if len(tries) <= given["fails"]:
                raise ValueError(f"bad {len(tries)}")
            return None if given["returns"] is None else self._value(given["returns"], values)

        body.__name__ = body.__qualname__ = given["name"]
        return fw.flow(**given["options"], **self._hooks(given["name"], given["hooks"]))(body)

    def _step(self, step, values):
        if step["do"] == "tags":
            with fw.tags(*step["tags"]):
                for inner in step["body"]:
                    self._step(inner, values)
            return
        try:
            found = getattr(self, f"_{step['do']}_step")(step, values)
        except Exception as error:  # noqa: BLE001 - whatever a call raises
            found = None
            self.say("caught", show(error))
        values[step["variable"]] = found
        self.say(step["variable"], show(found))

    def _flow_step(self, step, values):
        more = {"return_state": True} if step["flow"]["as_state"] else {}
        return self._flow(step["flow"])("x", **more)

    def _result_step(self, step, values):
        held = values.get(step["of"])
        return held.result(raise_on_failure=False) if is_future(held) else None

    def _wait_step(self, step, values):
        held = values.get(step["of"])
        return held.wait() if is_future(held) else None

    def _call_step(self, step, values):
        task, way = self._tasks[step["task"]].with_options(**step.get("options", {})), step["way"]
        given, more = [self._value(step["a"], values), self._value(step["b"], values)], {}
        awaited = values.get(step.get("wait_for"))
        if is_future(awaited):
            more["wait_for"] = [awaited]
        if way == "call" and failed([*given, *more.get("wait_for", ())]):
            way = "state"
        if way == "call":
            return task(*given, **more)
        if way == "state":
            return task(*given, **more, return_state=True)
        if way == "submit":
            future = task.submit(*given, **more)
            future.wait()
            return future
        before = len(self.lines)
        futures = task.map(*given, **more)
        for future in futures:
            future.wait()
        self.lines[before:] = sorted(self.lines[before:])
        return futures[0] if futures else None

    def _value(self, given, values):
        ((kind, held),) = given.items()
        if kind == "variable":
            return values.get(held)
        if kind == "list":
            return [self._value(item, values) for item in held]
        if kind == "dict":
            return {name: self._value(item, values) for name, item in held.items()}
        if kind == "allow_failure":
            value = self._value(held, values)
            never_ran = is_future(value) and value.state.is_pending()
            return None if never_ran else fw.allow_failure(value)
        if kind == "unmapped":
            return fw.unmapped(held)
        return self._made(held) if kind == "made" else held

    def _made(self, name):
        ways = {
            "Skipped": lambda: states.Completed(name="Skipped", message="s"),
            "Odd": lambda: states.Failed(name="Odd", message="o"),
            "Data": lambda: states.Completed(data=[1]),
        }
        return ways.get(name, lambda: getattr(states, name)(message="m"))()


def recorded(runs):
    """Return what the records of these flow runs and of their task runs say."""
    lines = []
    with orchestration.get_client(sync_client=True) as client:
        for run_id in dict.fromkeys(runs):
            run = client.read_flow_run(run_id)
            count = (run.run_count, sorted(run.tags), bool(run.parent_task_run_id))
            lines.append(f"flow run {show(run.state)} {count}")
            within = filters.FlowRunFilter(id={"any_": [run_id]})
            tasks = client.read_task_runs(flow_run_filter=within)
            lines += sorted(_task_line(one) for one in tasks if not _SUBFLOW.match(one.name))
    return lines


def _task_line(run):
    inputs = sorted(name for name, found in run.task_inputs.items() if found)
    retries = run.empirical_policy.retries or 0
    facts = (run.run_count, sorted(run.tags), retries, "__parents__" in inputs)
    state = "" if run.name.startswith("inner") else show(run.state)  # RolledBack there
    return f"task run {told(run.name)} {state} {facts}"


def main():
    logging.disable(logging.CRITICAL)
    players = [Player(seed) for seed in range(int(sys.argv[2]), int(sys.argv[3]))]
    for player in players:
        player.play()
    threading.Event().wait(3 if NAME == "prefect" else 0)  # its events are on their way
    for player in players:
        print(json.dumps([*player.lines, *recorded(player.runs)]))


main()
