"""What clients are told of kinds of workers."""

from __future__ import annotations


def test_a_process_worker_is_known_with_the_template_of_its_jobs(api):
    found = api.get("/collections/views/aggregate-worker-metadata").json()
    template = found["prefect"]["process"]["default_base_job_configuration"]
    fields = set(template["variables"]["properties"])
    assert {"command", "env", "working_dir"} <= fields
    assert template["job_configuration"] == {name: f"{{{{ {name} }}}}" for name in fields}


def test_a_view_that_is_not_there(api):
    missing = api.get("/collections/views/nope")
    assert missing.status_code == 404
    assert "aggregate-worker-metadata" in missing.json()["reason"]
