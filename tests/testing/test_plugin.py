"""The pytest plugin, in pytests of their own with a HOME that must stay empty."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import pytest

from tests.testing.projects import ROOT, SUITE, Project, counts

START_SECONDS = 0.005

HOME_TEST = """
import os
from pathlib import Path
from legato import flow
from legato.settings import LEGATO_HOME

IMPORTED = flow(name="at-import")(lambda: os.environ["LEGATO_HOME"])()

def test_runs_go_into_a_home_of_this_process():
    home = Path(flow(lambda: LEGATO_HOME.value())())
    assert str(home) == IMPORTED == os.environ["LEGATO_HOME"]
    assert (home / "legato.db").exists()
    print("home", home)
"""


def homes(output: str) -> set[str]:
    return set(re.findall(r"^home (.*)$", output, re.MULTILINE))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_flow_tests_with_a_delay_of_a_day_leave_nothing_outside(
    project: Project, workers: str
) -> None:
    """The short variant of scripts/flow_tests."""
    project.add("test_flows.py", SUITE.read_text())
    ran = project.pytest("-q", "-n", workers, SUITE_TESTS="20")
    assert counts(ran.stdout) == {"passed": 20}, ran.stdout
    assert ran.stderr == ""
    assert project.litter() == []


def test_every_worker_has_a_home_of_its_own(project: Project) -> None:
    for number in range(2):
        project.add(f"test_{number}.py", HOME_TEST)
    ran = project.pytest("-rP", "-n", "2", "--dist", "each")
    assert counts(ran.stdout) == {"passed": 4}, ran.stdout
    found = homes(ran.stdout)
    assert {Path(home).name for home in found} == {"gw0", "gw1"}
    assert not any(Path(home).parent.exists() for home in found)
    assert project.litter() == []


def test_a_conftest_that_runs_a_flow_does_so_in_the_home_of_the_tests(project: Project) -> None:
    project.add("conftest.py", "from legato import flow\nflow(name='early')(lambda: 1)()\n")
    project.add("test_a.py", HOME_TEST)
    ran = project.pytest("-rP")
    assert counts(ran.stdout) == {"passed": 1}, ran.stdout
    assert project.litter() == []


def test_a_home_that_the_user_named_is_used_and_kept(project: Project, tmp_path: Path) -> None:
    project.add("test_a.py", HOME_TEST)
    mine = tmp_path / "mine"
    for workers in "02":
        ran = project.pytest("-rP", "-n", workers, LEGATO_HOME=str(mine))
        assert counts(ran.stdout) == {"passed": 1}, ran.stdout
        assert homes(ran.stdout) == {str(mine)}
    assert (mine / "legato.db").exists()
    assert project.litter() == []


def test_a_profile_of_the_users_own_home_does_not_hold(project: Project) -> None:
    project.add("test_a.py", HOME_TEST)
    ran = project.pytest("-rP", LEGATO_PROFILE="production")
    assert counts(ran.stdout) == {"passed": 1}, ran.stdout


def test_a_pytest_within_a_test_leaves_the_home_of_that_test(project: Project) -> None:
    project.add("inner.py", HOME_TEST)
    project.add(
        "test_outer.py",
        "import subprocess, sys\n"
        + HOME_TEST
        + """
def test_another_pytest(capfd):
    subprocess.run([sys.executable, "-m", "pytest", "-p", "no:xdist", "inner.py"], check=True)
    pytest_main = __import__("pytest").main
    assert pytest_main(["-p", "no:xdist", "-p", "no:cacheprovider", "inner.py"]) == 0
    test_runs_go_into_a_home_of_this_process()
""",
    )
    ran = project.pytest("-n", "1", "test_outer.py")
    assert counts(ran.stdout) == {"passed": 2}, ran.stdout
    assert project.litter() == []


CLOCKS = """
import time
import pytest
from legato import flow, get_client, task

def lasts():
    tries = []
    @task(retries=1, retry_delay_seconds=86_400)
    def attempt():
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
    began = time.monotonic()
    flow(lambda: attempt())()
    assert time.monotonic() - began < 60
"""


@pytest.mark.parametrize(
    ("options", "test"),
    [
        ([], "def test_it(legato_clock):\n    lasts()\n    legato_clock.advance(5)\n"),
        ([], "@pytest.mark.legato_clock('virtual')\ndef test_it():\n    lasts()\n"),
        (
            [],
            "pytestmark = pytest.mark.legato_clock(kind='virtual')\ndef test_it():\n    lasts()\n",
        ),
        (["--legato-clock", "virtual"], "def test_it():\n    lasts()\n"),
        (["-o", "legato_clock=virtual"], "def test_it():\n    lasts()\n"),
        (
            ["--legato-clock=virtual"],
            "@pytest.fixture\ndef ran():\n    lasts()\ndef test_it(ran):\n    lasts()\n",
        ),
    ],
    ids=["fixture", "mark", "mark of a module", "option", "setting", "within fixtures"],
)
def test_a_test_is_timed_by_the_clock_that_it_asks_for(
    project: Project, options: list[str], test: str
) -> None:
    project.add("test_a.py", CLOCKS + test)
    ran = project.pytest("--strict-markers", "-n", "0", *options)
    assert counts(ran.stdout) == {"passed": 1}, ran.stdout
    assert project.litter() == []


def test_a_mark_goes_before_the_option(project: Project) -> None:
    project.add(
        "test_a.py",
        "import pytest\nfrom legato._sdk import stand_in\n"
        "@pytest.mark.legato_clock('real')\ndef test_real():\n    assert stand_in.clock is None\n"
        "def test_virtual():\n    assert stand_in.clock is not None\n",
    )
    ran = project.pytest("--legato-clock=virtual")
    assert counts(ran.stdout) == {"passed": 2}, ran.stdout


@pytest.mark.parametrize(
    ("options", "mark", "place"),
    [
        ([], "@pytest.mark.legato_clock('fast')", "The mark of test_a.py::test_it"),
        (["-o", "legato_clock=fast"], "", "legato_clock in the configuration of pytest"),
    ],
)
def test_a_clock_that_does_not_exist_is_refused(
    project: Project, options: list[str], mark: str, place: str
) -> None:
    project.add("test_a.py", f"import pytest\n{mark}\ndef test_it():\n    pass\n")
    ran = project.pytest("-n", "0", *options)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"{place}: the clock must be 'real' or 'virtual', not 'fast'." in ran.stderr


def test_the_debugger_opens_at_a_failing_flow_test(project: Project) -> None:
    project.add(
        "test_a.py",
        CLOCKS
        + "def test_it(legato_clock, legato_home):\n    answer = 41\n    lasts()\n    1 / 0\n",
    )
    ran = project.pytest("--pdb", stdin="p answer + 1\nq\n")
    assert "(Pdb) 42" in ran.stdout
    assert project.litter() == []


ASYNC = """
import pytest
from legato import flow, task

async def lasts():
    tries = []
    @task(retries=1, retry_delay_seconds=86_400)
    async def attempt():
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        return len(tries)
    @flow
    async def around():
        return await attempt()
    assert await around() == 2
"""


def test_it_works_with_pytest_asyncio(project: Project) -> None:
    if find_spec("pytest_asyncio") is None:
        pytest.skip("pytest-asyncio is not installed")
    project.add("pytest.ini", "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n"
                "asyncio_default_fixture_loop_scope = function\n")  # fmt: skip
    project.add(
        "test_a.py",
        ASYNC
        + "@pytest.fixture\nasync def ran(legato_clock):\n    await lasts()\n    yield\n"
        + "async def test_it(ran, legato_home):\n    await lasts()\n",
    )
    ran = project.pytest("-n", "0")
    assert counts(ran.stdout) == {"passed": 1}, ran.stdout
    assert project.litter() == []


def test_it_works_with_anyio(project: Project) -> None:
    project.add(
        "test_a.py",
        ASYNC
        + "pytestmark = pytest.mark.anyio\n"
        + "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
        + "@pytest.fixture\nasync def ran(legato_clock):\n    await lasts()\n    yield\n"
        + "async def test_it(ran, legato_home):\n    await lasts()\n",
    )
    ran = project.pytest("-n", "0", "-p", "no:asyncio")
    assert counts(ran.stdout) == {"passed": 1}, ran.stdout
    assert project.litter() == []


def test_it_can_be_switched_off(project: Project) -> None:
    project.add(
        "test_a.py", "import os\ndef test_it():\n    assert 'LEGATO_HOME' not in os.environ\n"
    )
    ran = project.pytest("-p", "no:legato")
    assert counts(ran.stdout) == {"passed": 1}, ran.stdout


def test_tests_without_flows_load_nothing_of_legato(project: Project) -> None:
    project.add(
        "test_a.py",
        "import sys\ndef test_it():\n"
        "    print('loaded', *[m for m in sys.modules if 'legato' in m])\n",
    )
    ran = project.pytest("-rP", "-p", "no:xdist")
    [loaded] = re.findall(r"^loaded (.*)$", ran.stdout, re.MULTILINE)
    assert sorted(loaded.split()) == ["legato", "legato.testing", "legato.testing.plugin"]


def test_the_plugin_costs_less_than_five_milliseconds_at_start() -> None:
    """pytest and what it loads anyway are there already, as they are when plugins are loaded."""
    code = (
        "import pytest, importlib, tempfile, shutil, contextlib, time\n"
        "began = time.process_time()\n"
        "import legato.testing.plugin\n"
        "print(time.process_time() - began)\n"
    )
    command = [sys.executable, "-c", code]
    costs = [float(subprocess.check_output(command, cwd=ROOT / "src", text=True)) for _ in range(5)]
    assert min(costs) < START_SECONDS, median(costs)
