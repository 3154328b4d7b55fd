"""A world in memory for the engine: it answers every effect, and remembers the states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from legato._engine import effects
from legato._engine.effects import Draft, Moved, Raised, Returned
from legato._model.states import DEFAULT_NAME, State, StateType

outcomes = st.lists(
    st.one_of(
        st.integers().map(Returned),
        st.text(max_size=5).map(lambda text: Raised(ValueError(text), "error")),
        st.just(Raised(TimeoutError(), "timeout")),
        st.just(Raised(KeyboardInterrupt(), "interrupt")),
        st.just(Raised(SystemExit(2), "exit")),
        st.sampled_from(list(StateType)).map(lambda t: Returned(state_of(Draft(type=t)))),
    ).filter(lambda o: not (isinstance(o, Returned) and _unfinished(o.value))),
    max_size=6,
)


def _unfinished(value: Any) -> bool:
    return isinstance(value, State) and value.type in (
        StateType.SCHEDULED,
        StateType.PENDING,
        StateType.RUNNING,
        StateType.PAUSED,
        StateType.CANCELLING,
    )


_counter = iter(range(1, 1 << 62))


def state_of(draft: Draft) -> State:
    """Return a stamped state."""
    number = next(_counter)
    return State(
        id=UUID(int=number),
        type=draft.type,
        name=draft.name or DEFAULT_NAME[draft.type],
        timestamp=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
        message=draft.message,
        data=draft.data,
    )


class World:
    """Answers effects; calls return the given outcomes in order, then 0.

    `answers` are given to the first proposals, `refusal` to the preparation of a flow run.
    """

    def __init__(
        self, outcomes: Any, random: Any, answers: Any = (), refusal: Raised | None = None
    ) -> None:
        self.outcomes, self.random = list(outcomes), random
        self.answers, self.refusal = list(answers), refusal
        self.calls = 0
        self.blocked: Draft | None = None
        self.slept: list[float] = []
        self.states: list[State] = []

    def reply(self, effect: Any) -> Any:
        reply = _REPLIES.get(type(effect))
        return None if reply is None else reply(self, effect)

    def call(self, _: Any) -> Any:
        self.calls += 1
        return self.outcomes.pop(0) if self.outcomes else Returned(0)

    def propose(self, effect: effects.Propose) -> Any:
        return self.answers.pop(0) if self.answers else Moved(self.note(effect.draft))

    def note(self, draft: Draft) -> State:
        state = state_of(draft)
        self.states.append(state)
        return state

    def live(self, steps: Any) -> Any:
        reply = None
        while True:
            try:
                reply = self.reply(steps.send(reply))
            except StopIteration as stop:
                return stop.value


_REPLIES: dict[type, Any] = {
    effects.Create: lambda world, _: world.note(Draft(type=StateType.PENDING)),
    effects.Resolve: lambda world, _: world.blocked,
    effects.Settle: lambda _, effect: effect.outcome,
    effects.Prepare: lambda world, _: world.refusal,
    effects.Enter: lambda world, effect: world.note(effect.draft),
    effects.Propose: World.propose,
    effects.Call: World.call,
    effects.Sleep: lambda world, effect: world.slept.append(effect.seconds),
    effects.AskRetry: lambda world, _: world.random.random() < 0.7,
    effects.DrawRandom: lambda world, _: world.random.random(),
}
