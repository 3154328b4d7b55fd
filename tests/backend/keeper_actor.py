"""A process with a keeper, as the tests want it: `keeper_actor.py URL WRITER RUN MODE TTL`."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import types
from uuid import UUID

from legato._backend import keeper as keepers
from legato._backend.keeper import Keeper, Keeping

keepers.AFTER_SECONDS = keepers.SLACK_SECONDS = 0.0


def said(*words: object) -> None:
    print(*words, flush=True)


def main(url: str, writer: str, run: str, mode: str, ttl: str) -> None:
    keeping = Keeping(url=url, headers={}, ttl=float(ttl), every=0.1, grace=0.2)
    renewed: list[object] = []
    keeper = Keeper(keeping, lambda: UUID(writer), renewed.append)
    if mode == "serves":
        sys.modules["uvicorn.server"] = types.ModuleType("uvicorn.server")
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "nothing to start":
        sys.executable = ""
    keeper.begin(UUID(run))
    if mode == "late":
        keeper.limit(UUID(run), 0.0)
    if mode == "deaf":
        said(subprocess.Popen([sys.executable, "-c", DEAF]).pid)
    elif mode == "forks":
        child = os.fork()
        if not child:
            signal.pause()
        said(child)
    else:
        said(mode)
    while line := sys.stdin.readline().strip():
        if line == "end":
            keeper.end(UUID(run))
        elif line == "close":
            keeper.close()
        elif line == "hold":
            ctypes.PyDLL(None).pause()  # a call into C that does not let the interpreter go
        elif line == "children":
            try:
                said(os.waitpid(-1, os.WNOHANG))
            except ChildProcessError:
                said("none")
        elif line == "renewed":
            said(len(renewed))


DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pause()
"""

if __name__ == "__main__":
    main(*sys.argv[1:])
