"""Who am I: names made of templates and functions, tags, and prefect.runtime."""

from datetime import date

from prefect import flow, runtime, tags, task
from prefect.context import get_run_context
from prefect.runtime import flow_run, task_run


def name_of_task() -> str:
    return f"{flow_run.flow_name}-{task_run.task_name}-with-{task_run.parameters['number']}"


def name_from_parameters(parameters: dict) -> str:
    return "sum of " + " and ".join(str(value) for value in parameters.values())


def name_of_flow() -> str:
    return f"{flow_run.flow_name}-for-{flow_run.parameters['name']}"


@task(task_run_name="{day:%A}-{city}")
def templated(city: str, day: date) -> str:
    return task_run.name


@task(task_run_name=name_of_task)
def by_function(number: int) -> str:
    return task_run.name


@task(task_run_name=name_from_parameters)
def by_parameters(a: int, b: int = 5) -> str:
    return task_run.name


@task(tags=["own"], name="Tagged task")
def tagged() -> tuple[str, list[str]]:
    return task_run.task_name, sorted(task_run.tags)


@flow(flow_run_name="inner of {owner[name]}")
def inner(owner: dict) -> str:
    parent = flow_run.parent_flow_run_id is not None
    root = flow_run.root_flow_run_id == flow_run.parent_flow_run_id
    return f"{flow_run.name} parent={parent} root={root}"


@flow(name="Names", flow_run_name=name_of_flow, version="3")
def names(name: str, count: int = 2) -> None:
    print("flow run:", runtime.flow_run.name, runtime.flow_run.parameters)
    print("flow:", flow_run.flow_name, flow_run.flow_version, flow_run.run_count)
    print("task outside of a task:", task_run.id, task_run.name, task_run.tags)
    print(templated("Berlin", date(2024, 7, 1)))
    print(by_function(count))
    print(by_function.submit(7).result())
    print(by_parameters(1))
    print(*by_parameters.map([1, 2], [3, 4]).result(), sep="; ")
    print(tagged())
    with tags("outer", "shared"):
        print(tagged())
        with tags("deeper"):
            print(tagged.submit().result())
    print(tagged.with_options(tags=["new"], name="Other")())
    print(inner({"name": "Ada"}))
    context = get_run_context()
    print("context:", context.flow.name, context.flow_run.name, sorted(context.flow_run.tags))


if __name__ == "__main__":
    with tags("from outside"):
        names("tutorial")
    print("outside:", flow_run.id, flow_run.name, flow_run.parameters, flow_run.tags)
    tasks = templated.with_options(task_run_name="only {city}")
    print(tasks("Paris", date(2024, 1, 1)))
