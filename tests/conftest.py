"""What holds for all tests: a home of their own, and no settings from the developer's shell."""

import faulthandler
import os

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
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


# So long a test's fixtures may take to clean up. A test that has failed has no other limit any
# more: they are lifted for those who look around in a debugger.
CLEAN_UP_SECONDS = 300


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item):
    said = item.config.stash[fault_handler_stderr_fd_key]
    faulthandler.dump_traceback_later(CLEAN_UP_SECONDS, file=said, exit=True)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


class AtOnce:
    """Tells of a failure when it happens: a run that is broken off has no summary."""

    def __init__(self, config):
        self._plugins = config.pluginmanager

    def pytest_runtest_logreport(self, report):
        terminal = self._plugins.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_line(f"\n{report.nodeid} ({report.when})\n{report.longreprtext}")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # a worker's reports come to its controller
        config.pluginmanager.register(AtOnce(config))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for key in list(os.environ):
            if key.startswith(("LEGATO_", "PREFECT_")) and not key.startswith("LEGATO_TEST_"):
                patch.delenv(key)
        patch.setenv("LEGATO_HOME", str(tmp_path_factory.mktemp("home")))
        yield
