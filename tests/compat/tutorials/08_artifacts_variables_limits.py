"""What outlives a run: variables, artifacts, and limits that runs share."""

import threading
import time

from prefect import flow, get_client, task
from prefect.artifacts import (
    Artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.variables import Variable

work = {"now": 0, "most": 0}
lock = threading.Lock()


@task
def report(rows: list[dict]) -> None:
    create_table_artifact(key="sales", table=rows, description="Sales per day")
    create_markdown_artifact(key="summary", markdown=f"# {len(rows)} days")
    create_markdown_artifact(key="summary", markdown=f"# {len(rows)} days, checked")
    create_link_artifact(key="source", link="https://example.com/sales", link_text="Sales")


@task
def with_progress(steps: int) -> None:
    artifact_id = create_progress_artifact(progress=0.0, description="Counting")
    for step in range(steps):
        update_progress_artifact(artifact_id, progress=(step + 1) * 100 / steps)


@task
def one_at_a_time(seconds: float) -> int:
    with concurrency("database", occupy=1):
        with lock:
            work["now"] += 1
            work["most"] = max(work.values())
        time.sleep(seconds)
        with lock:
            work["now"] -= 1
    rate_limit("requests")
    return 1


@flow
def shared_things() -> None:
    Variable.set("threshold", 5)
    Variable.set("settings", {"mode": "fast", "sizes": [1, 2]}, tags=["tutorial"])
    print("variables:", Variable.get("threshold"), Variable.get("settings")["sizes"])
    print("missing:", Variable.get("missing"), Variable.get("missing", default="a default"))
    try:
        Variable.set("threshold", 6)
    except ValueError:
        print("a variable is not overwritten by accident")
    Variable.set("threshold", 6, overwrite=True)
    print("overwritten:", Variable.get("threshold"))
    print("unset:", Variable.unset("threshold"), Variable.unset("threshold"))

    report([{"day": "Mon", "sold": 3}, {"day": "Tue", "sold": 4}])
    with_progress(4)
    for key in ("sales", "summary", "source"):
        found = Artifact.get(key)
        print("artifact:", found.key, found.type, found.description, found.data)
    print("no artifact:", Artifact.get("nothing"))
    made, created = Artifact.get_or_create("summary", type="markdown", data="# new")
    print("get or create:", created, made.data)

    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name("database", 1)
        client.upsert_global_concurrency_limit_by_name("requests", 10, slot_decay_per_second=50)
        print("limit:", client.read_global_concurrency_limit_by_name("database").limit)
    print("worked:", sum(one_at_a_time.map([0.01, 0.02, 0.03]).result()), "at most", work["most"])
    print("a limit that nobody made:", unlimited())


@task
def unlimited() -> str:
    with concurrency("does-not-exist"):
        return "does not hold anybody up"


if __name__ == "__main__":
    shared_things()
