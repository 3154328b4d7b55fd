"""Subflows, and the states in which runs end: return_state, Completed, Failed, result."""

from prefect import flow, task
from prefect.states import Cancelled, Completed, Failed, State


@task
def divide(a: float, b: float) -> float:
    return a / b


@task
def named_state(number: int) -> State:
    if number == 0:
        return Completed(message="nothing to do", name="Skipped")
    return Completed(message=f"{number} handled", data=number)


@flow
def child(number: int) -> int:
    print(f"child got {number}")
    return number + 1


@flow
def broken_child() -> None:
    raise ValueError("the child broke")


@flow
def returns_states():
    good = divide(1, 2, return_state=True)
    bad = divide(1, 0, return_state=True)
    return [good, bad]


@flow
def returns_failed():
    return Failed(message="I decided to fail")


@flow
def returns_cancelled():
    return Cancelled(message="not today")


@flow
def returns_completed():
    return Completed(message="all good", data={"rows": 3})


def describe(title: str, state: State) -> None:
    flags = [
        name
        for name in ("completed", "failed", "crashed", "cancelled", "final", "running")
        if getattr(state, f"is_{name}")()
    ]
    print(f"{title}: {state.name} ({state.type.value}) {state.message!r} {' '.join(flags)}")


@flow
def parent() -> str:
    first = child(1)
    state = child(first, return_state=True)
    describe("child", state)
    print("its result:", state.result())

    failed = broken_child(return_state=True)
    describe("broken child", failed)
    try:
        failed.result()
    except ValueError as error:
        print("raised:", error)
    print("not raised:", repr(failed.result(raise_on_failure=False)))

    state = divide(1, 0, return_state=True)
    describe("division", state)
    describe("named", named_state(0, return_state=True))
    describe("data", named_state(5, return_state=True))
    print("a task that returns a state:", named_state(5, return_state=True).result())
    future = divide.submit(9, 3)
    future.wait()
    describe("future", future.state)
    return "parent is done"


if __name__ == "__main__":
    print(parent())
    describe("parent", parent(return_state=True))
    describe("states", returns_states(return_state=True))
    describe("failed", returns_failed(return_state=True))
    describe("cancelled", returns_cancelled(return_state=True))
    describe("completed", returns_completed(return_state=True))
    print(returns_completed())
    try:
        broken_child()
    except ValueError as error:
        print("a flow raises what its code raises:", error)
    print(Completed(message="m"), Completed(name="Fine"), Failed(message="x").type.name)
