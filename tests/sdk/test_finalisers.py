"""What finalisers log while garbage is collected in the middle of our code."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

SCRIPT = """
import gc, logging, sys
from legato import flow, task

class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        logging.getLogger("finaliser").warning("gone")
        print("gone")

@task(task_run_name="{n}")
def step(n):
    Cycle()

@flow(log_prints=True)
def steps():
    for n in range(600):
        gc.set_threshold(5 + n % 40)
        step(n)
        step.submit(n)

steps()
print("done")
"""


def test_a_finaliser_may_log_at_any_moment(tmp_path):
    """Python 3.11 crashes if one sets a context variable while another is being set."""
    environment = {**os.environ, "LEGATO_HOME": str(tmp_path)}
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.endswith("done\n")  # before it, what was collected after the run
    connection = sqlite3.connect(tmp_path / "legato.db")
    try:
        kept = connection.execute("select count(*) from log where message = 'gone'").fetchone()
    finally:
        connection.close()
    assert kept[0] > 600
