"""Async tasks that were submitted: on the caller's loop, or on one that their flow run shares."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from legato._engine.effects import Draft, Raised
from legato._engine.endings import of_exception
from legato._model.states import StateType
from legato._sdk.parking import running_loop

if TYPE_CHECKING:
    from legato._sdk.submission import Submission


_CANCELLED = Raised(asyncio.CancelledError(), "cancelled")


def _closed() -> Draft:
    message = "The event loop that the task was submitted on was closed before it could start."
    return Draft(type=StateType.CANCELLED, message=message)


class Loop:
    """Runs submissions on an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, submission: Submission) -> None:
        """Run the task on the loop; from any thread."""
        if running_loop() is self.loop:
            self._begin(submission)
            return
        try:
            self.loop.call_soon_threadsafe(self._begin, submission)
        except RuntimeError:  # closed: the caller has left asyncio.run
            submission.drop(_closed())

    def cancel(self) -> None:
        """Cancel what is at work; from any thread."""
        if running_loop() is self.loop:
            self._cancel()
            return
        with suppress(RuntimeError):  # closed
            self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    def _begin(self, submission: Submission) -> None:
        task = self.loop.create_task(submission.arun(), context=submission.context)
        self._tasks.add(task)

        def finish(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                cancelled = of_exception("Task run", _CANCELLED, None)
                submission.drop(submission.interruption() or cancelled)

        task.add_done_callback(finish)


class LoopThread(Loop):
    """A loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(asyncio.new_event_loop())
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the loop; nothing may run on it any more."""
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _work(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
