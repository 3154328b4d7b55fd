"""A worker process: does the tasks that it is sent, and tells the process of the flow all of it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread
from types import GeneratorType
from typing import Any
from uuid import UUID

from legato._engine.effects import Returned
from legato._engine.task_run import task_run
from legato._journal.clock import SystemClock
from legato._journal.ids import TimeOrderedIds
from legato._journal.random import SystemRandom
from legato._model.operations.spec import Operation
from legato._model.records import Answer, Record, Writer
from legato._model.states import StateType
from legato._sdk import pickling, run_logs, services, tracebacks
from legato._sdk.children import Children
from legato._sdk.context import FlowRunContext, TaskRunContext, current, current_tags
from legato._sdk.drive import adrive, drive
from legato._sdk.exceptions import SerializationError
from legato._sdk.flow import Flow
from legato._sdk.lineage import Lineage
from legato._sdk.step_keys import Ordinals
from legato._sdk.task import Task
from legato._sdk.task_execution import TaskExecution
from legato._sdk.task_runners import ThreadPoolTaskRunner


def main(fd: int) -> None:
    """Do tasks until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process of the flow decides what it means
    pipe = Pipe(Connection(fd))
    initializer, initargs = pickling.loads(pipe.greeting)
    if initializer is not None:
        initializer(*initargs)
    backend = PipeBackend(pipe)
    services.stand_in(backend)
    run_logs.setup()
    tasks: dict[bytes, Any] = {}
    while True:
        task_blob, call_blob = pipe.jobs.get()
        task = tasks.get(task_blob)
        if task is None:
            task = tasks[task_blob] = pickling.loads(task_blob)
        Errand(backend, task, pickling.loads(call_blob)).run()
        sys.stdout.flush()
        sys.stderr.flush()


class Pipe:
    """The pipe to the process of the flow; when that is gone, this one ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending, self._asking = Lock(), Lock()
        self._answers: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        self.jobs: SimpleQueue[tuple[bytes, bytes]] = SimpleQueue()
        self.greeting = connection.recv_bytes()
        Thread(target=self._listen, name="pipe", daemon=True).start()

    def tell(self, *message: Any) -> None:
        """Send a message."""
        with self._sending:
            self._connection.send(message)

    def ask(self, *question: Any) -> Any:
        """Send a question; return the answer, or raise what it raised there."""
        with self._asking:
            self.tell(*question)
            fine, answer = self._answers.get()
        if not fine:
            raise answer
        return answer

    def _listen(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                (self._answers if isinstance(message[0], bool) else self.jobs).put(message)
        except (EOFError, OSError):
            os._exit(0)


class PipeJournal:
    """Stands for the journal of the process of the flow; in a forked child, for its own."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._pid = os.getpid()

    def append(self, record: Record) -> None:
        """Add a fact."""
        if os.getpid() == self._pid:
            self._pipe.tell("record", record)
        else:
            _own_journal().append(record)

    def propose(self, *records: Record) -> list[Answer]:
        """Add records in order; return the answers of the proposals."""
        if os.getpid() == self._pid:
            asked: list[Answer] = self._pipe.ask("propose", *records)
            return asked
        return list(_own_journal().propose(*records))

    def flush(self, acked: bool = False) -> None:
        """Return when all that was added before is committed."""
        if os.getpid() == self._pid:
            self._pipe.ask("flush", acked)
        else:
            _own_journal().flush(acked)


def _own_journal() -> Any:
    from legato._backend.current import current as own_backend

    return own_backend().journal


class PipeBackend:
    """Records and asks through the process of the flow."""

    is_child = False
    """What is recorded leaves this process at once."""
    is_dry = False

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.journal: Any = PipeJournal(pipe)
        self.clock = SystemClock()
        self.ids = TimeOrderedIds()
        self.random = SystemRandom()
        self.folder = ""

    def send(self, operation: Operation) -> Any:
        """Carry out an operation."""
        return self.pipe.ask("send", operation)

    def identity(self) -> Writer:
        """Return the process of the flow: it owns what is held here, and dies with us."""
        owner: Writer = self.pipe.ask("identity")
        return owner

    def changes(self) -> object:
        """Return what is another value once anybody has committed."""
        return self.pipe.ask("changes")

    def sweep(self) -> None:
        """Close what dead processes hold."""
        self.pipe.ask("sweep")

    def storage(self) -> str:
        """Return the folder for stored results."""
        return self.folder

    def close_own_runs(self, message: str) -> None:
        """Leave it to the process of the flow."""

    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Leave it to the process of the flow."""

    def close(self, timeout: float) -> None:
        """Leave it to the process of the flow."""


class Errand:
    """One task run that was sent here."""

    def __init__(self, backend: PipeBackend, task: Task[Any, Any], call: dict[str, Any]) -> None:
        backend.folder = call["storage"]
        self._backend, self._task = backend, task
        self._flow = _flow_context(backend, call)
        context = TaskRunContext(**_identity(call["run"]), parameters=call["run"]["parameters"])
        _fill(context, call["run"])
        context.task, context.flow_run_context = task, self._flow
        if context.log_prints:
            run_logs.patch_print()
        self._run = TaskExecution.elsewhere(backend, context, call["args"], call["kwargs"])
        self._run.fn = self._kept_async if task.isasync else self._kept
        current_tags.set(call["current_tags"])
        self._value = b""

    def run(self) -> None:
        """Take the run to its end, and say what it is."""
        self._flow.children = Children(self._flow, ThreadPoolTaskRunner())
        current.set(self._run.context)
        steps = task_run(self._task.plan, self._run.limited)
        next(steps)  # it was created where it was submitted
        if self._task.isasync:
            import asyncio

            state, draft = asyncio.run(adrive(self._run, steps, False))
        else:
            state, draft = drive(self._run, steps, False)
        self._flow.children.settle(Returned(None))
        data = self._value if draft.type is StateType.COMPLETED else _dumped_end(draft.data)
        fields = {"type": draft.type, "name": draft.name, "message": draft.message}
        self._backend.pipe.tell("end", state, fields, data)

    def _kept(self, *args: Any, **kwargs: Any) -> Any:
        return self._packed(self._task.fn(*args, **kwargs))

    async def _kept_async(self, *args: Any, **kwargs: Any) -> Any:
        found = self._task.fn(*args, **kwargs)
        if self._task.isgenerator:
            return self._packed([item async for item in found])
        return self._packed(await found)

    def _packed(self, value: Any) -> Any:
        """Return the value; it is an error of the run if it cannot be sent."""
        if value.__class__ is GeneratorType:
            value = list(value)
        try:
            self._value = pickling.dumps(value)
        except Exception as error:
            raise SerializationError(
                f"What task {self._task.name!r} returned, {type(value).__name__}, cannot be sent "
                f"to the process of the flow: {error}."
            ) from error
        return value


def _flow_context(backend: Any, call: dict[str, Any]) -> FlowRunContext:
    """Return the flow run as tasks see it; the function of the flow stays where it runs."""
    given = call["flow"]
    context = FlowRunContext(**_identity(given), parameters={})
    _fill(context, given)
    context.flow = Flow(_runs_elsewhere, **call["flow_of"])
    context.backend, context.outer, context.interrupted = backend, None, []
    context.flow_id, context.epoch, context.root_id = (
        given["flow_id"], given["epoch"], given["root_id"],
    )  # fmt: skip
    context.ordinals, context.lineage = Ordinals(), Lineage()
    context.promises, context.children, context.parent_task_run_id = None, None, None
    return context


def _runs_elsewhere() -> None:
    raise RuntimeError("The function of this flow runs in another process.")


def _identity(given: dict[str, Any]) -> dict[str, Any]:
    return {"run_id": given["id"], "name": given["name"]}


def _fill(context: Any, given: dict[str, Any]) -> None:
    for name in ("tags", "log_prints", "state", "progress", "version", "step_key"):
        setattr(context, name, given[name])


def _dumped_end(data: Any) -> bytes:
    """Return what a run ended with that did not complete; an exception brings its traceback."""
    if isinstance(data, BaseException):
        tracebacks.cut(data)
        lines = traceback.format_exception(data)
        data.add_note("In the process of the task:\n" + "".join(lines).rstrip())
    try:
        blob = pickling.dumps(data)
        pickling.loads(blob)
    except Exception:  # noqa: BLE001 - exceptions with an __init__ of their own
        return pickling.dumps(RuntimeError(f"{type(data).__name__}: {data}"))
    return blob
