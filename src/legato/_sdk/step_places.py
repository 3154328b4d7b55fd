"""Which step of earlier attempts stands in which place among calls that differ in inputs only."""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct, field

from legato._model.attempts import Step


class _Line(Struct):
    """The steps of one name and scope, by their places."""

    steps: list[Step] = []
    keys: set[str] = field(default_factory=set[str])
    current: tuple[object, int] = (None, 0)
    """The run and the try of the step that came last."""
    free: int = 0
    """Before this place none is left that the current try has not taken again."""
    before: int = 0
    """How many there were before the current try."""


class Places:
    """Places of steps, which are added in the order of their calls.

    A step is entered anew in each try that calls it with other inputs. Then it takes the place of
    the first one that an earlier try has left unfinished, as what was finished is not called again.
    """

    def __init__(self) -> None:
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)

    def add(self, prefix: str, step: Step) -> None:
        """Add the step that was called next; one with a known key keeps its place."""
        line = self._lines[prefix]
        if line.current != (step.flow_run_id, step.tries):
            line.current = (step.flow_run_id, step.tries)
            line.free, line.before = 0, len(line.steps)
        if step.step_key in line.keys:
            return
        line.keys.add(step.step_key)
        while line.free < line.before and line.steps[line.free].is_finished:
            line.free += 1
        if line.free < line.before:
            line.steps[line.free] = step
            line.free += 1
        else:
            line.steps.append(step)

    def step_at(self, prefix: str, place: int) -> Step | None:
        """Return the step in a place."""
        line = self._lines.get(prefix)
        return line.steps[place] if line is not None and place < len(line.steps) else None
