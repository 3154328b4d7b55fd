"""A task run on its way: what the effects of the engine's task run do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from legato._engine import effects
from legato._engine.effects import Draft
from legato._engine.endings import of_exception
from legato._journal.forks import place
from legato._model.progress import advance
from legato._model.records import TaskRunCreated, TaskRunMoved, TaskRunNamed
from legato._model.states import COMPLETED, PENDING, State
from legato._model.task_runs import TaskRunCreate
from legato._sdk import durable_steps, naming, plain_results, resolving, run_logs, values
from legato._sdk.at_work import held, raise_held
from legato._sdk.context import (
    FlowRunContext,
    TaskRunContext,
    current,
    current_tags,
    transacting,
)
from legato._sdk.drive import Execution
from legato._sdk.exceptions import TaskRunTimeoutError, UpstreamTaskError
from legato._sdk.hooks import HookCall
from legato._sdk.services import backend
from legato._sdk.stamping import stamped
from legato._sdk.step_keys import scope_of, step_key
from legato._sdk.termination import flush_when_terminated
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from typing import Self
    from uuid import UUID

    from legato._backend.port import Backend
    from legato._sdk.cache_keys import CacheKey
    from legato._sdk.futures import Future
    from legato._sdk.limits import Wish
    from legato._sdk.task import Task
    from legato._sdk.turns import Turn

_PENDING = Draft(type=PENDING)
Kept = tuple["UUID | None", bytes | None]
_NOTHING: Kept = (None, None)


class TaskExecution(Execution):
    """One call of a task."""

    __slots__ = (
        "backend", "cache_key", "cached_id", "context", "draft", "epoch", "flow_run_id", "found",
        "held", "task", "turn", "wait_for",
    )  # fmt: skip
    task: Task[Any, Any]
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    place: str
    timeout: float | None
    draft: Draft
    epoch: int
    flow_run_id: UUID | None
    wait_for: list[Any] | None
    context: TaskRunContext
    backend: Backend
    cache_key: CacheKey | None
    cached_id: UUID | None
    """The stored result that was taken in the place of a call."""
    found: effects.Found | None
    """The end of the run, if an earlier attempt has finished it."""
    held: Wish | None
    turn: Turn | None
    """What keeps others from making the same cached result meanwhile."""

    def __init__(
        self,
        task: Task[Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wait_for: Iterable[Any] | None,
    ) -> None:
        parameters = task.signature.bind(args, kwargs)
        outer = current.get()
        flow = outer.flow_run_context if isinstance(outer, TaskRunContext) else outer
        if held:
            raise_held()
        self.backend = flow.backend if flow is not None else backend()
        if flow is not None and flow.interrupted:
            raise watch.signal_again()
        self.task, self.place = task, place()
        self.wait_for = None if wait_for is None else resolving.listed(wait_for)
        self.fn, self.args, self.kwargs = task.fn, args, kwargs
        if self.backend.is_dry:
            self.fn = _stand_in(task)
        self.timeout = task.timeout_seconds
        self.draft, self.held, self.found = _PENDING, None, None
        self.cache_key = self.cached_id = self.turn = None
        self.context = context = TaskRunContext(self.backend.ids.new(), task.name, parameters)
        context.task, context.keeps = task, task.keeps_in(outer)
        context.flow_run_context, context.outer = flow, outer
        tags = current_tags.get()
        context.tags = task.tags | tags if tags else task.tags
        self._name(outer, flow)

    @classmethod
    def elsewhere(
        cls,
        backend: Backend,
        context: TaskRunContext,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Self:
        """Return the run of a context that was made in another process, with its next call."""
        self = cls.__new__(cls)
        flow, task = context.flow_run_context, context.task
        self.backend, self.context, self.task = backend, context, task
        self.epoch, self.flow_run_id = (flow.epoch, flow.id) if flow is not None else (0, None)
        self.place, self.wait_for, self.draft, self.held = place(), None, _PENDING, None
        self.found = self.cache_key = self.cached_id = self.turn = None
        self.fn, self.args, self.kwargs, self.timeout = task.fn, args, kwargs, task.timeout_seconds
        return self

    def _name(
        self, outer: FlowRunContext | TaskRunContext | None, flow: FlowRunContext | None
    ) -> None:
        """Give the run its step key, its name and its place under the flow run."""
        task, context = self.task, self.context
        inherited = outer.log_prints if outer is not None else run_logs.prints_by_default()
        context.log_prints = inherited if task.log_prints is None else task.log_prints
        if context.log_prints:
            run_logs.patch_print()
        if flow is None:
            flush_when_terminated(self.backend.is_child)
            run_logs.setup()
            self.epoch, self.flow_run_id = 0, None
            context.step_key = f"{task.task_key}-{context.id}"
        else:
            self.epoch, self.flow_run_id = flow.epoch, flow.id
            context.step_key = step_key(
                scope_of(outer), task.step_name, context.parameters, flow.ordinals
            )
            context.name = f"{task.name}-{flow.ordinals.take(task.name)}"
            if flow.replay is not None and not task.isgenerator:
                self.found = durable_steps.find(context, flow, flow.replay)
        if task.task_run_name is not None and not self._holds_handles():
            context.name = self._given_name(task.task_run_name)

    def _given_name(self, option: str | Callable[..., str]) -> str:
        token = current.set(self.context)  # a callable may ask `legato.runtime` what it names
        try:
            return naming.run_name(option, self.context.parameters, "task_run_name")
        finally:
            current.reset(token)

    def _holds_handles(self) -> bool:
        if resolving.hold_handles(self.args):
            return True
        return bool(self.kwargs) and resolving.hold_handles(self.kwargs.values())

    def upstream(self) -> list[Future[Any]]:
        """Return the futures among the arguments and in `wait_for` that have not ended."""
        return resolving.unfinished([*self.args, *self.kwargs.values(), *(self.wait_for or ())])

    def resolve(self) -> Draft | None:
        """Put values in the place of handles; return the state of a run that cannot start.

        A name that is made of parameters had to wait for the values.
        """
        option = self.task.task_run_name
        if option is not None and (self.backend.is_dry or not self._holds_handles()):
            option = None
        try:
            self.args, self.kwargs = resolving.arguments(self.args, self.kwargs)
            resolving.require_completed(self.wait_for or ())
        except UpstreamTaskError as error:
            name, message = "NotReady", str(error)
            return Draft(type=PENDING, name=name, message=message, data=error)
        except Exception as exc:  # noqa: BLE001 - a state whose value is not known
            return self.cannot_start(exc)
        self.context.parameters = self.task.signature.bind(self.args, self.kwargs)
        return None if option is None else self._rename(option)

    def _rename(self, option: str | Callable[..., str]) -> Draft | None:
        context = self.context
        try:
            context.name = self._given_name(option)
        except Exception as exc:  # noqa: BLE001 - the user's template or callable
            return self.cannot_start(exc)
        record = TaskRunNamed(self.epoch, self.flow_run_id, context.id, context.name)
        self.backend.journal.append(record)
        return None

    def cannot_start(self, exc: BaseException) -> Draft:
        """Return the state of a run whose arguments cannot be had."""
        return of_exception("Task run", self.raised(exc), self.timeout)

    def create(self, _: effects.Create) -> bool | effects.Found:
        """Record the run, Pending, with what its arguments came from."""
        found = self.found
        if type(found) is effects.Found:
            return found
        context, flow = self.context, self.context.flow_run_context
        state = self._stamp(_PENDING)
        inputs: dict[str, Any] = {}
        if flow is not None:
            inputs = flow.lineage.inputs(context.parameters, self.wait_for, context.outer)
        run = TaskRunCreate(
            id=context.id,
            name=context.name,
            task_key=self.task.task_key,
            dynamic_key=context.step_key,
            state=state,
            flow_run_id=self.flow_run_id,
            task_version=self.task.version,
            tags=sorted(context.tags) if context.tags else [],
            task_inputs=inputs,
            empirical_policy=self.task.policy,
            flow_run_run_count=flow.progress.run_count if flow is not None else 0,
        )
        if flow is not None and flow.durable:
            run.arguments = durable_steps.arguments_of(self.task, context.parameters, flow)
        if found is not None:
            from legato._sdk import rerun_steps

            return rerun_steps.record(self, run, found)
        self.backend.journal.append(TaskRunCreated(self.epoch, run))
        return bool(self.wait_for) or self._holds_handles()

    def enter(self, effect: effects.Enter) -> State:
        """Record a transition; return the state, with the ids of the run."""
        draft, context, task = effect.draft, self.context, self.task
        self.draft = draft
        result_id, body = self._kept(draft) if draft.type is COMPLETED else _NOTHING
        flow = context.flow_run_context
        durable = flow is not None and flow.durable and draft.type is COMPLETED
        if durable and context.transaction is not None:
            from legato._sdk import transaction_standing

            transaction_standing.keep(self)
        state = self._stamp(draft)
        journal = self.backend.journal
        (journal.hold if durable else journal.append)(
            TaskRunMoved(
                self.epoch,
                self.flow_run_id,
                context.id,
                context.version,
                state,
                context.progress,
                result_id,
                body,
            )
        )
        if self.turn is not None:
            self.turn.end_with(self)
        if flow is not None and draft.type is COMPLETED:
            flow.lineage.remember(draft.data, context.id)
        if durable:
            durable_steps.commit(self.backend, context)
        if self.backend.is_child and (flow is None or flow.ordinals.inherited):
            self.backend.journal.flush()
        if context.transaction is not None or (
            draft.type is COMPLETED
            and (task.on_rollback_hooks or task.on_commit_hooks or transacting.get() is not None)
        ):
            draft.transacted = not self.backend.is_dry
        return state

    def may_roll_back(self) -> bool:
        """Tell whether the run is, or is in, a transaction."""
        context = self.context
        around = transacting.get() is not None or isinstance(context.outer, TaskRunContext)
        return around or context.transaction is not None

    def _kept(self, draft: Draft) -> Kept:
        """Keep the result as the task wants it; a small plain one goes with the transition."""
        task, context, flow = self.task, self.context, self.context.flow_run_context
        if context.keeps and not self.backend.is_dry:
            from legato._sdk import caching

            if self.cached_id is not None:
                return self.cached_id, None
            result_id = caching.keep(self, draft)
            return result_id, None
        if flow is None:
            return _NOTHING
        if flow.durable:
            return durable_steps.kept(task, context, flow, draft.data)
        if context.keeps is False or task.isgenerator:  # whose items are not there any more
            return _NOTHING
        return plain_results.kept(self.backend, context.id, flow, draft.data)

    def _stamp(self, draft: Draft) -> State:
        context = self.context
        before = context.state
        state = stamped(draft, before, self.backend.clock, self.backend.ids)
        context.version += 1
        context.progress = advance(
            context.progress,
            before.type if before is not None else None,
            before.timestamp if before is not None else None,
            state,
        )
        context.state = state
        return state

    @property
    def limited(self) -> bool:
        """Whether there is a limit on one of the run's tags."""
        tags = self.context.tags
        return bool(tags) and _tag_limits().concern(self.backend, tags)

    def line(self) -> Generator[float, None, None]:
        """Take the slots of the limits on the run's tags."""
        self.held = yield from _tag_limits().take(self.backend, self.context)

    def release(self, _: effects.Release) -> None:
        """Let go of the slots."""
        if self.held is not None:
            _tag_limits().release(self.backend, self.held)
            self.held = None

    def say(self, effect: effects.Say) -> None:
        """Log a line under the run."""
        run_logs.say(self.context, effect.level, effect.message)

    def draw(self, _: effects.DrawRandom) -> float:
        """Draw a random number."""
        return self.backend.random.draw()

    def hook_calls(self, effect: effects.RunHooks) -> list[HookCall]:
        """Return the calls of the task's hooks: (task, task run, state)."""
        if self.backend.is_dry:
            return []
        hooks: list[Callable[..., Any]] = getattr(self.task, effect.kind + "_hooks")
        args = (self.task, self.context.task_run, self._public(effect.state))
        return [HookCall(hook, args, self.context, effect.state.name) for hook in hooks]

    def condition_call(self, effect: effects.AskRetry) -> HookCall:
        """Return the call of the retry condition: (task, task run, failed state)."""
        draft = effect.draft
        state = stamped(draft, self.context.state, self.backend.clock, self.backend.ids)
        args = (self.task, self.context.task_run, values.public(self.context, state, draft.data))
        condition: Any = self.task.retry_condition_fn
        return HookCall(condition, args, self.context, state.name)

    def _public(self, state: State) -> Any:
        return values.public(self.context, state, self.draft.data)

    def ended(self, state: State, draft: Draft) -> tuple[State, Draft]:
        """Return what the engine's task run returns."""
        return state, draft

    def timed_out(self) -> Exception:
        """Return the exception of a task run that took too long."""
        return TaskRunTimeoutError(f"Task run exceeded timeout of {self.timeout} second(s)")

    PERFORM: ClassVar[Mapping[type, Callable[[Any, Any], Any]]] = {
        effects.Create: create,
        effects.Enter: enter,
        effects.Release: release,
        effects.Say: say,
        effects.DrawRandom: draw,
    }


@cache
def _tag_limits() -> Any:
    """Load what only tasks with tags need; an import statement costs more than the look itself."""
    from legato._sdk import tag_limits

    return tag_limits


def _stand_in(task: Task[Any, Any]) -> Callable[..., Any]:
    from legato._sdk.dry_run import stand_in

    return stand_in(task)
