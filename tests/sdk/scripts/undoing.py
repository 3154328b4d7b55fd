"""A transaction that waits for the signal that is to roll it back."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from legato import flow, task
from legato.transactions import transaction


@task
def act() -> None: ...


@act.on_rollback
def undo(txn: Any) -> None:
    Path(os.environ["LEGATO_HOME"], "undone").write_text(txn.get("name"))


@flow
def job() -> None:
    with transaction() as txn:
        txn.set("name", "a")
        act()
        threading.Timer(0.1, os.write, (1, b"ready\n")).start()
        time.sleep(60)


job()
