"""The outermost flow runs of this process, and whether it was asked to end."""

from __future__ import annotations

import threading

from legato._engine.effects import Cause
from legato._sdk.context import FlowRunContext
from legato._sdk.exceptions import TerminationSignal
from legato._sdk.platform_posix import Handlers


class Watch:
    """What the signal handlers see, and what they leave behind."""

    def __init__(self) -> None:
        self.runs: list[FlowRunContext] = []
        self.signalled: BaseException | None = None
        self.over = threading.Event()
        self.handlers: Handlers | None = None

    def begin(self, handlers: Handlers) -> None:
        """Take the signals; what was before is forgotten."""
        self.signalled, self.over, self.handlers = None, threading.Event(), handlers
        handlers.install()

    def end(self) -> None:
        """Give the signals back."""
        self.over.set()
        if self.handlers is not None:
            self.handlers.restore()
            self.handlers = None

    @property
    def cause(self) -> Cause | None:
        """The kind of end that the signal asks for, if there was one."""
        if self.signalled is None:
            return None
        return "termination" if isinstance(self.signalled, TerminationSignal) else "interrupt"


watch = Watch()
