"""Requests that schemathesis makes from the description: whatever comes, answers are as described.

One for each route here, and to some one that is not valid, as tests/server/test_poison.py has
many of those; LEGATO_TEST_CASES=100 makes so many of both for all.
"""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from legato._server.openapi import document
from legato._store.sqlite import SqliteStore
from tests import faults

CASES = int(os.environ.get("LEGATO_TEST_CASES", "1"))
ASKED = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]
LEFT_OUT = {"journal.receive"}
"""Of MessagePack, which schemathesis does not make."""


def operations():
    """Return all routes, as schemathesis reads them."""
    schema = schemathesis.openapi.from_dict(document())
    found = [operation.ok() for operation in schema.get_all_operations()]
    return [one for one in found if one.definition.raw["operationId"] not in LEFT_OUT]


def try_out(operation, mode, url, session):
    """Ask an operation in many ways; raise what is not as described."""
    checks = CHECKS.get_by_names(ASKED)

    @settings(
        max_examples=CASES,
        phases=[Phase.generate],
        database=None,
        derandomize=CASES < 10,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        answer = case.call(base_url=url, session=session, timeout=60)
        case.validate_response(answer, checks=checks)

    with suppress(Unsatisfiable):  # of what takes nothing, no wrong request can be made
        ask()


@faults.meaningless("it is asked once only, and told that the store is busy")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_described(api, mode, store):
    short = CASES == 1 and mode is GenerationMode.NEGATIVE
    if short and not isinstance(store, SqliteStore):
        pytest.skip("what is refused before it comes to a database: LEGATO_TEST_CASES=100")
    with requests.Session() as session:
        for operation in operations()[:: 4 if short else 1]:
            try_out(operation, mode, str(api.base_url).rstrip("/"), session)
