"""Retries: delays, backoff, a condition, and flows that are tried again."""

from prefect import flow, runtime, task
from prefect.tasks import exponential_backoff

calls: dict[str, int] = {}


def count(name: str) -> int:
    calls[name] = calls.get(name, 0) + 1
    return calls[name]


@task(retries=3, retry_delay_seconds=0.01)
def flaky_download(url: str) -> str:
    attempt = count(url)
    print(f"attempt {attempt} (run count {runtime.task_run.run_count}) for {url}")
    if attempt < 3:
        raise ConnectionError("connection reset")
    return f"content of {url}"


@task(retries=2, retry_delay_seconds=[0.01, 0.02])
def never_works() -> None:
    count("never")
    raise TimeoutError("no answer")


def only_if_temporary(task, task_run, state) -> bool:
    try:
        state.result()
    except ValueError as error:
        print(f"{task.name}: retry {error}? {'temporary' in str(error)}")
        return "temporary" in str(error)
    return False


@task(
    retries=5,
    retry_delay_seconds=exponential_backoff(backoff_factor=0.01),
    retry_jitter_factor=0.1,
    retry_condition_fn=only_if_temporary,
)
def picky(kind: str) -> str:
    if count(kind) == 1:
        raise ValueError(f"{kind} error")
    return f"{kind} worked"


@task
def base_task() -> str:
    if count("options") < 2:
        raise RuntimeError("once")
    return "with_options gave it a retry"


@flow(retries=1, retry_delay_seconds=0)
def whole_flow_again() -> str:
    attempt = count("flow")
    print(f"flow attempt {attempt}")
    if attempt == 1:
        raise RuntimeError("the first attempt fails")
    return "done"


@flow
def retry_tutorial() -> None:
    print(flaky_download("http://example.com/data"))
    try:
        never_works()
    except TimeoutError as error:
        print(f"gave up: {error} after {calls['never']} attempts")
    print(picky("temporary"))
    try:
        picky("permanent")
    except ValueError as error:
        print(f"not retried: {error}, {calls['permanent']} attempt")
    print(base_task.with_options(retries=1)())
    print(whole_flow_again())
    print(flaky_download.retries, flaky_download.retry_delay_seconds, picky.retry_delay_seconds)


if __name__ == "__main__":
    retry_tutorial()
