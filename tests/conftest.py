"""What holds for all tests: a home of their own, and no settings from the developer's shell."""

import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler.loadscope import LoadScopeScheduling

# No test is timed: on a loaded machine an example takes a second that else takes a millisecond.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What the tests of such a file share takes seconds to start, so one process runs them all. The
# mark `xdist_group` would say the same, but pytest 9.2 has no place for what xdist 3.8 makes of it.
TOGETHER = ("tests/sdk/test_dask.py", "tests/sdk/test_notebooks.py", "tests/sdk/test_ray.py")


class Scheduling(LoadScopeScheduling):
    """Gives each test to the next free process, and some files to one."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return file if file in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)  # of xdist, which a test may run without
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for key in list(os.environ):
            if key.startswith(("LEGATO_", "PREFECT_")) and not key.startswith("LEGATO_TEST_"):
                patch.delenv(key)
        patch.setenv("LEGATO_HOME", str(tmp_path_factory.mktemp("home")))
        yield
