"""What holds for all tests: a home of their own, and no settings from the developer's shell."""

import os

import pytest
from hypothesis import HealthCheck, settings

# No test is timed: on a loaded machine an example takes a second that else takes a millisecond.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for key in list(os.environ):
            if key.startswith(("LEGATO_", "PREFECT_")) and not key.startswith("LEGATO_TEST_"):
                patch.delenv(key)
        patch.setenv("LEGATO_HOME", str(tmp_path_factory.mktemp("home")))
        yield
