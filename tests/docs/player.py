"""Runs the steps of a page, each in a fork of this process: the modules are loaded once only.

The steps come as JSON on stdin; what each one printed, and its exit status, goes to stdout.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.docs.pages import ROOT, Step

LOADED = (
    "asyncio", "legato._backend.embedded", "legato._cli.main", "legato._sdk.children",
    "legato._sdk.drive", "legato._sdk.flow", "legato._sdk.flow_execution", "legato._sdk.task",
    "legato._sdk.task_execution", "legato._sdk.threads", "pydantic",
)  # fmt: skip


class Played(NamedTuple):
    """What a step printed, and its exit status."""

    printed: str
    status: int


def play(page: list[Step], folder: Path) -> list[Played]:
    """Run steps in a folder, in a process that plays them; return what they did."""
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("LEGATO_", "PREFECT_", "PYTEST_"))
    }
    scripts = str(Path(sys.executable).parent)
    environ |= {
        "COLUMNS": "100",
        "LEGATO_HOME": str(folder / "home"),
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([scripts, environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "TZ": "UTC",
    }
    (folder / "work").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "from tests.docs import player; player.main()"],
        input=json.dumps(page),
        env=environ,
        cwd=folder / "work",
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=True,
    )
    return [Played(_as_at_home(text, folder), status) for text, status in json.loads(done.stdout)]


def _as_at_home(printed: str, folder: Path) -> str:
    """Return what was printed with the paths that a reader sees, or without them."""
    for path, seen in (
        (f"{folder}/home", "/home/ada/.legato"),
        (f"{folder}/work/", ""),
        (f"{Path(os.__file__).parent}/", "/usr/lib/python3/"),
    ):
        printed = printed.replace(path, seen)
    return printed


def main() -> None:
    """Play the steps on stdin."""
    for name in LOADED:
        __import__(name)
    found = [_played(Step(*given)) for given in json.load(sys.stdin)]
    json.dump(found, sys.stdout)


def _played(step: Step) -> Played:
    if step.file:
        Path(step.file).write_text(step.code)
    if not step.command:
        return Played("", 0)
    with tempfile.TemporaryFile("w+") as printed:
        words = shlex.split(step.command)
        alone = (
            set(step.command) & set("|><$;&*") or Path(step.file).stem in sys.stdlib_module_names
        )
        if words[0] in ("legato", "python") and not alone:
            status = _forked(words, printed.fileno())
        else:
            shell = ["sh", "-c", step.command]
            status = subprocess.run(shell, check=False, stdout=printed, stderr=printed).returncode
            if step.file:  # it would be loaded in the place of a module of Python
                Path(step.file).unlink()
        printed.seek(0)
        return Played(printed.read(), status)


def _forked(words: list[str], printed: int) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if words[0] == "legato":
        from legato._cli.main import main as legato

        legato(words[1:])
    _run(words[1:])
    sys.exit()


def _run(words: list[str]) -> None:
    """Do what `python FILE` does; an exception is printed without the frames above the file."""
    module: Any = sys.modules["__main__"]
    module.__dict__.update(__file__=words[0], __name__="__main__")
    sys.argv = words
    sys.path.insert(0, os.getcwd())
    try:
        code = compile(Path(words[0]).read_text(), words[0], "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as exc:  # noqa: BLE001 - the example's
        traceback = exc.__traceback__
        while traceback and traceback.tb_frame.f_code.co_filename == __file__:
            traceback = traceback.tb_next
        sys.excepthook(type(exc), exc.with_traceback(traceback), traceback)
        sys.exit(1)
