"""A flow run on its way: what the effects of the engine's flow run do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from legato._engine import effects
from legato._engine.effects import Draft, Held, Moved, Outcome, Raised, Stopped
from legato._engine.endings import of_exception
from legato._engine.flow_run import FlowEnd
from legato._journal.forks import place
from legato._model import names
from legato._model.flow_runs import FlowRunCreate, FlowRunPolicy
from legato._model.progress import advance
from legato._model.records import (
    Aborted,
    Accepted,
    FlowRunMoveProposed,
    FlowRunProposed,
    Rejected,
    Wait,
)
from legato._model.states import COMPLETED, PENDING, RUNNING, SCHEDULED, State
from legato._model.task_runs import TaskRunCreate
from legato._sdk import (
    durable_steps,
    environment,
    naming,
    parameters,
    plain_results,
    promises,
    reopening,
    resolving,
    run_logs,
    values,
    waits,
)
from legato._sdk.at_work import held, raise_held
from legato._sdk.context import FlowRunContext, TaskRunContext, current, current_tags
from legato._sdk.drive import Execution
from legato._sdk.exceptions import FlowRunTimeoutError, UpstreamTaskError
from legato._sdk.hooks import HookCall
from legato._sdk.lineage import Lineage
from legato._sdk.services import backend
from legato._sdk.stamping import stamped
from legato._sdk.step_keys import Ordinals, scope_of, step_key
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from uuid import UUID

    from legato._backend.port import Backend
    from legato._sdk.ended_subflows import Call
    from legato._sdk.flow import Flow
    from legato._sdk.futures import Future

_PENDING = Draft(type=PENDING)
_QUIET = frozenset({SCHEDULED, PENDING, RUNNING})


class FlowExecution(Execution):
    """One call of a flow."""

    __slots__ = (
        "backend", "call", "context", "created", "draft", "flow", "rerun_of", "resumes", "wait_for",
    )  # fmt: skip
    flow: Flow[Any, Any]
    context: FlowRunContext
    backend: Backend
    call: Call | None
    """What it is a call of, if it is a subflow whose result is stored."""
    created: FlowRunProposed | None
    resumes: UUID | None
    """The flow run that this call goes on with."""
    rerun_of: UUID | None
    """The flow run that this call does again."""

    def __init__(
        self,
        flow: Flow[Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wait_for: Any = None,
    ) -> None:
        bound = flow.signature.bind(args, kwargs)
        outer = current.get()
        enclosing = outer.flow_run_context if isinstance(outer, TaskRunContext) else outer
        if enclosing is not None and enclosing.interrupted:
            raise watch.signal_again()
        if held:
            raise_held()
        self.backend = enclosing.backend if enclosing is not None else backend()
        self.flow, self.fn, self.args, self.kwargs = flow, flow.fn, args, kwargs
        self.place, self.wait_for = place(), wait_for
        self.timeout = flow.timeout_seconds
        self.call, self.created, self.draft = None, None, _PENDING
        self.resumes = self.rerun_of = None
        name = names.word_pair(self.backend.random)
        self.context = context = FlowRunContext(self.backend.ids.new(), name, bound)
        context.flow, context.flow_id, context.backend = flow, None, self.backend
        context.outer, context.epoch, context.keeps = outer, 1, flow.keeps_in(outer)
        context.ordinals, context.lineage, context.promises = Ordinals(), Lineage(), None
        context.tags = current_tags.get()
        context.root_id = enclosing.root_id if enclosing is not None else context.id
        context.interrupted = [] if enclosing is None else enclosing.interrupted
        context.parent_task_run_id, context.step_key, context.children = None, "", None
        inherited = outer.log_prints if outer is not None else run_logs.prints_by_default()
        context.replay = context.home = context.ended_subflows = None
        context.durable = reopening.is_durable(self)
        context.commits_here = reopening.commits_here(self)
        context.log_prints = inherited if flow.log_prints is None else flow.log_prints
        if context.log_prints:
            run_logs.patch_print()

    @property
    def enclosing(self) -> FlowRunContext | None:
        """The flow run that this one is called in."""
        outer = self.context.outer
        return outer.flow_run_context if isinstance(outer, TaskRunContext) else outer

    def create(self, _: effects.Create) -> bool | effects.Found:
        """Make ready the proposal that creates the run; it goes with the first transition.

        A run that is resumed exists: its next attempt is opened.
        """
        context, flow = self.context, self.flow
        if self.resumes is not None:
            reopening.reopen(self, self.resumes)
            return False
        state = self._stamp(_PENDING)
        self._advance(state)
        run = FlowRunCreate(
            id=context.id,
            name=context.name,
            state=state,
            flow_version=flow.version,
            root_flow_run_id=context.root_id,
            empirical_policy=FlowRunPolicy(
                max_retries=flow.retries,
                retry_delay_seconds=float(flow.retry_delay_seconds),
                retries=flow.retries,
                retry_delay=int(flow.retry_delay_seconds),
            ),
            tags=sorted(context.tags),
            entrypoint=flow.entrypoint,
            durable=context.durable,
            rerun_of=self.rerun_of,
        )
        self.created = FlowRunProposed(flow_name=flow.name, run=run, code_version=flow.version)
        if context.outer is None:
            self.created.environment = environment.to_tell(self.backend)
        found = self._attach(run)
        if found is not None or context.epoch > 1:  # finished or begun by an earlier attempt
            self.created = None
        if found is not None:
            return found
        return bool(self.wait_for) or resolving.hold_handles(context.parameters.values())

    def upstream(self) -> list[Future[Any]]:
        """Return the futures among the arguments and in `wait_for` that have not ended."""
        return resolving.unfinished([*self.context.parameters.values(), self.wait_for])

    def resolve(self) -> Draft | None:
        """Put values in the place of handles; return the state of a run that cannot start."""
        context = self.context
        try:
            _, given = resolving.arguments((), context.parameters)
            resolving.require_completed([self.wait_for])
        except Exception as exc:  # noqa: BLE001 - an upstream that failed, a value not known
            return self.cannot_start(exc)
        context.parameters = given
        self.args, self.kwargs = self.flow.signature.call_arguments(given)
        return None

    def cannot_start(self, exc: BaseException) -> Draft:
        """Return the state of a run whose arguments cannot be had."""
        draft = of_exception("Flow run", self.raised(exc), self.timeout)
        if isinstance(exc, UpstreamTaskError):
            draft.message = str(exc)
        if self.created is not None:
            self.created.run.parameters = parameters.jsonable(self.context.parameters)
        return draft

    def settle(self, outcome: Outcome) -> Outcome:
        """Wait until all that was submitted has ended; states take the place of futures."""
        context = self.context
        if context.promises:
            outcome = self._kept(outcome)
        if context.children is not None:
            outcome = context.children.settle(outcome)
            context.children = None
        return outcome

    async def asettle(self, outcome: Outcome) -> Outcome:
        """Do as `settle` without blocking the loop."""
        context = self.context
        if context.promises:
            await waits.asleep(0)  # what the loop has been given starts now
            outcome = self._kept(outcome)
        if context.children is not None:
            outcome = await context.children.asettle(outcome)
            context.children = None
        return outcome

    def _kept(self, outcome: Outcome) -> Outcome:
        """Return the outcome, or the error of coroutines that nobody awaited."""
        broken = promises.broken(self.context)
        if broken is None or isinstance(outcome, Raised):
            return outcome
        return Raised(broken, "error")

    def _attach(self, run: FlowRunCreate) -> effects.Found | None:
        """Give a subflow the task run that stands for it in the enclosing flow run.

        Return its end if an earlier attempt has finished it.
        """
        outer, context, parent = self.context.outer, self.context, self.enclosing
        if parent is None or self.created is None:
            return None
        key = step_key(scope_of(outer), self.flow.step_name, context.parameters, parent.ordinals)
        if context.keeps and parent.flow.retries and not parent.durable:
            from legato._sdk import ended_subflows

            if (found := ended_subflows.find(self, parent, key)) is not None:
                return found
        context.parent_task_run_id = self.backend.ids.new()
        self.created.parent = TaskRunCreate(
            id=context.parent_task_run_id,
            name=f"{self.flow.name}-{parent.ordinals.take(self.flow.name)}",
            task_key=self.flow.step_name,
            dynamic_key=key,
            state=replace(self._started(), id=self.backend.ids.new()),
            flow_run_id=parent.id,
            task_inputs=parent.lineage.inputs(context.parameters, self.wait_for, outer),
            tags=sorted(context.tags),
            flow_run_run_count=parent.progress.run_count,
        )
        self.created.parent_epoch = parent.epoch
        if parent.durable:
            given = durable_steps.arguments_of(self.flow, context.parameters, parent)
            self.created.parent.arguments = given
        run.parent_task_run_id = context.parent_task_run_id
        return reopening.subflow(self, key, self.created.parent)

    def _started(self) -> State:
        state = self.context.state
        assert state is not None  # noqa: S101 - set by create()
        return state

    def prepare(self, _: effects.Prepare) -> Raised | None:
        """Validate the parameters, make the name, and fill both into the proposal."""
        flow, context = self.flow, self.context
        refused: Raised | None = None
        try:
            self._prepare()
        except Exception as exc:  # noqa: BLE001 - templates, callables and models of the user
            refused = self.raised(exc)
        if self.created is not None:
            self.created.run.name = context.name
            self.created.run.parameters = parameters.jsonable(context.parameters)
            if context.durable:
                reopening.keep_for_resume(self, self.created)
        if refused is None:
            kind = "subflow run" if context.outer is not None else "flow run"
            verb = "Beginning" if context.epoch == 1 else "Resuming"
            message = f"{verb} {kind} {context.name!r} for flow {flow.name!r}"
            run_logs.say(context, run_logs.INFO, message)
            if self.rerun_of is not None:
                count = len(context.replay or ())
                message = f"{count} finished steps of {self.rerun_of} are reused"
                run_logs.say(context, run_logs.INFO, message)
        return refused

    def _prepare(self) -> None:
        flow, context = self.flow, self.context
        given = context.parameters
        if flow.should_validate_parameters:
            given = parameters.validated(flow, given)
        if given is not context.parameters:
            context.parameters = given
            self.args, self.kwargs = flow.signature.call_arguments(given)
        if flow.flow_run_name is not None and self.created is not None:
            context.name = naming.run_name(flow.flow_run_name, given, "flow_run_name")

    def propose(self, effect: effects.Propose) -> Moved | Held | Stopped:
        """Propose a transition, together with the creation of the run if that is due."""
        draft, context = effect.draft, self.context
        self.draft = draft
        if draft.type is RUNNING and (context.durable or context.replay is not None):
            self._begin_try()
        elif draft.type is RUNNING and context.ended_subflows is not None:
            context.ended_subflows.begin_try()
        result_id = self._stored(draft) if draft.type is COMPLETED else None
        state = self._stamp(draft)
        move = FlowRunMoveProposed(context.epoch, context.id, state, result_id)
        if self.created is not None:
            answers = self.backend.journal.propose(self.created, move)
            self.created = None
            if isinstance(answers[0], Accepted):
                context.flow_id = answers[0].flow_id
            elif isinstance(answers[0], Aborted):
                return Stopped(answers[0].reason)
        else:
            answers = self.backend.journal.propose(move)
        if self.call is not None and result_id is not None and isinstance(answers[-1], Accepted):
            self.call.note(context, state, result_id)
        return self._answered(answers[-1])

    def _begin_try(self) -> None:
        """Make ready a try of a run that goes on: what was finished before will not run again."""
        context = self.context
        awaited = context.state is not None and context.state.name == "AwaitingRetry"
        if awaited and context.durable:
            reopening.replay(self)
        elif awaited:  # what the first try has not asked for is of other calls
            context.replay = None
        context.home = durable_steps.here()

    def _stored(self, draft: Draft) -> UUID | None:
        """Keep the result as the flow wants it, or if it is plain; return its id."""
        if self.backend.is_dry:
            return None
        if self.context.keeps:
            from legato._sdk import results

            return results.keep(self.flow, self.context, draft)
        if self.context.durable:
            return durable_steps.of_flow(self.flow, self.context, draft.data)
        if self.context.keeps is False:
            return None
        return plain_results.of_flow(self.backend, self.context, draft.data)

    def _answered(self, answer: Accepted | Rejected | Wait | Aborted) -> Moved | Held | Stopped:
        if isinstance(answer, Wait):
            return Held(answer.seconds)
        if isinstance(answer, Aborted):
            return Stopped(answer.reason)
        if isinstance(answer, Rejected) and answer.state is None:
            return Stopped(answer.reason)
        assert answer.state is not None  # noqa: S101 - an accepted state
        self._advance(answer.state)
        if answer.state.type is RUNNING and self.timeout is not None:
            self.backend.limit(self.context.id, self.timeout)
        if answer.state.type is COMPLETED:
            reopening.say_unclaimed(self.context)
        if answer.state.type not in _QUIET:
            level = run_logs.INFO if answer.state.type is COMPLETED else run_logs.ERROR
            shown = values.public(self.context, answer.state, None)
            run_logs.say(self.context, level, f"Finished in state {shown}")
        return Moved(answer.state)

    def _stamp(self, draft: Draft) -> State:
        return stamped(draft, self.context.state, self.backend.clock, self.backend.ids)

    def _advance(self, state: State) -> None:
        context, before = self.context, self.context.state
        context.progress = advance(
            context.progress,
            before.type if before is not None else None,
            before.timestamp if before is not None else None,
            state,
        )
        context.version += 1
        context.state = state

    def say(self, effect: effects.Say) -> None:
        """Log a line under the run."""
        run_logs.say(self.context, effect.level, effect.message)

    def draw(self, _: effects.DrawRandom) -> float:
        """Draw a random number."""
        return self.backend.random.draw()

    def hook_calls(self, effect: effects.RunHooks) -> list[HookCall]:
        """Return the calls of the flow's hooks: (flow, flow run, state)."""
        if self.backend.is_dry:
            return []
        hooks: list[Callable[..., Any]] = getattr(self.flow, effect.kind + "_hooks")
        state = values.public(self.context, effect.state, self.draft.data)
        args = (self.flow, self.context.flow_run, state)
        return [HookCall(hook, args, self.context, effect.state.name) for hook in hooks]

    def ended(self, state: State, draft: Draft) -> FlowEnd:
        """Return what the engine's flow run returns."""
        return FlowEnd(state, draft)

    def timed_out(self) -> Exception:
        """Return the exception of a flow run that took too long."""
        return FlowRunTimeoutError(f"Flow run exceeded timeout of {self.timeout} second(s)")

    PERFORM: ClassVar[Mapping[type, Callable[[Any, Any], Any]]] = {
        effects.Create: create,
        effects.Prepare: prepare,
        effects.Propose: propose,
        effects.Say: say,
        effects.DrawRandom: draw,
    }
