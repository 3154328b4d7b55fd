"""What clients and the page ask of the server itself; what flow runs may not be changed to."""

from __future__ import annotations

from uuid import uuid4

import pytest

from legato._settings.current import forget


@pytest.fixture
def password(monkeypatch):
    monkeypatch.setenv("LEGATO_SERVER_API_AUTH_STRING", "ada:secret-word")
    forget()
    yield
    monkeypatch.undo()
    forget()


def test_the_settings_are_shown_without_secrets(password, api):
    answer = api.get("/admin/settings")
    assert answer.json()["server"]["api_port"] == "4200"
    assert "secret-word" not in answer.text
    assert answer.json()["server"]["api_auth_string"]


def test_no_block_is_the_default_result_storage(api):
    nothing = {"default_result_storage_block_id": None}
    assert api.get("/admin/storage").json() == nothing
    assert api.put("/admin/storage", json=nothing).json() == nothing
    block = str(uuid4())
    refused = api.put("/admin/storage", json={"default_result_storage_block_id": block})
    assert (refused.status_code, block in refused.json()["detail"]) == (404, True)
    assert api.delete("/admin/storage").status_code == 204


def test_parameters_have_a_size(api, flow, run):
    fits, large = {"x": "a" * (512 * 1024 - 8)}, {"x": "a" * (512 * 1024 - 7)}
    made = run(parameters=fits)
    for answer in (
        api.post("/flow_runs/", json={"flow_id": flow["id"], "parameters": large}),
        api.patch(f"/flow_runs/{made['id']}", json={"parameters": large}),
    ):
        assert answer.status_code == 422
        (fault,) = answer.json()["exception_detail"]
        assert fault["loc"] == ["body", "parameters"]
        assert "524288" in fault["msg"]


@pytest.mark.parametrize(
    ("state", "deployed", "status"),
    [("SCHEDULED", True, 204), ("SCHEDULED", False, 400), ("PENDING", True, 400)],
)
def test_job_variables_change_until_a_worker_takes_the_run(api, run, state, deployed, status):
    made = run(state, **({"deployment_id": str(uuid4())} if deployed else {}))
    answer = api.patch(f"/flow_runs/{made['id']}", json={"job_variables": {"a": 1}})
    assert answer.status_code == status
    found = api.get(f"/flow_runs/{made['id']}").json()["job_variables"]
    assert found == ({"a": 1} if status == 204 else {})
