"""Hooks: functions that are called when a run changes its state."""

from prefect import flow, task


def tell(where: str):
    def hook(thing, run, state) -> None:
        print(f"{where}: {thing.name} is {state.name}")

    return hook


def task_hook(task, task_run, state) -> None:
    print(f"task hook: {task.name} {state.type.value} {task_run.name == 'load the data'}")


async def async_hook(flow, flow_run, state) -> None:
    print(f"async hook: {flow.name} {state.name} {flow_run.name}")


def broken_hook(flow, flow_run, state) -> None:
    raise RuntimeError("a hook that fails does not change the run")


@task(
    task_run_name="load the data",
    on_completion=[task_hook, tell("second task hook")],
    on_failure=[tell("not called")],
)
def load() -> int:
    return 3


@task(retries=1, on_failure=[tell("on_failure"), task_hook])
def fail() -> None:
    print("failing")
    raise ValueError("no")


@task
def decorated() -> str:
    return "decorated"


@decorated.on_completion
def after_decorated(task, task_run, state) -> None:
    print(f"after {task.name}: {state.result()}")


@flow(
    flow_run_name="hooked",
    on_running=[tell("on_running")],
    on_completion=[async_hook, broken_hook, tell("on_completion")],
    on_failure=[tell("on_failure of the flow")],
    on_crashed=[tell("not called")],
)
def hooked(bad: bool = False) -> str:
    print("in the flow")
    load()
    decorated()
    state = fail(return_state=True)
    print("task state:", state.name)
    if bad:
        raise RuntimeError("the flow fails")
    return "fine"


@flow
def with_decorators() -> None:
    print("in the second flow")


@with_decorators.on_running
def starting(flow, flow_run, state) -> None:
    print(f"starting {flow.name}")


@with_decorators.on_completion
def finished(flow, flow_run, state) -> None:
    print(f"finished {flow.name}: {state.is_completed()}")


if __name__ == "__main__":
    print(hooked())
    try:
        hooked(bad=True)
    except RuntimeError as error:
        print("raised:", error)
    with_decorators()
    hooked.with_options(on_completion=[tell("other options")])()
