"""The differential corpus beside the project: what the real Prefect answered, Legato answers.

Cases that need a later part (`submit`, `map`, generators, deployments ...) are not in the list.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
CASES = {
    "states": ["*"],
    "flows": [
        "binding_errors",
        "call_returns_value",
        "coerces_parameters",
        "decorator_misuse",
        "hooks_decorators",
        "hooks_with_retries",
        "log_prints",
        "methods_and_static",
        "pydantic_model_parameter",
        "retry_delay",
        "return_state_lists",
        "run_name_errors",
        "varargs",
        "generator_flow",
        "async_generator_flow",
        "with_options",
    ],
    "tasks": [
        "async_generator",
        "call_outside_flow",
        "exponential_backoff",
        "lambda_and_partial_names",
        "retries_basic",
        "retry_condition_raises",
        "timeout_retried",
    ],
    "runtime": [
        "logger_outside",
        "logs_read_back",
        "run_context",
        "settings_log_prints",
        "subflow_parameters_and_names",
        "tags_context",
    ],
    "objects": ["artifact_keys", "artifact_markdown", "artifact_table", "variable_values"],
    "concurrency": ["missing_limit", "rate_limit"],
    "client": ["async_client", "delete_and_missing", "flows_and_filters", "update_flow_run"],
}


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there is no corpus at {CORPUS.name}/")
@pytest.mark.parametrize("area", CASES)
def test_the_answers_are_those_of_prefect(area: str) -> None:
    only = [f"--only={area}/{case}" for case in CASES[area]]
    command = [sys.executable, CORPUS / "run.py", "--fw=legato", f"--python={sys.executable}"]
    run = subprocess.run([*command, *only, "--jobs=1"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
