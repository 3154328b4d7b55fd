"""The outermost flow runs of this process, and whether it was asked to end."""

from __future__ import annotations

import threading

from legato._engine.effects import Cause
from legato._sdk.context import FlowRunContext
from legato._sdk.exceptions import TerminationSignal


class Watch:
    """What the signal handlers see, and what they leave behind."""

    def __init__(self) -> None:
        self.runs: list[FlowRunContext] = []
        self.signalled: BaseException | None = None
        self.over = threading.Event()

    @property
    def cause(self) -> Cause | None:
        """The kind of end that the signal asks for, if there was one."""
        if self.signalled is None:
            return None
        return "termination" if isinstance(self.signalled, TerminationSignal) else "interrupt"


watch = Watch()
