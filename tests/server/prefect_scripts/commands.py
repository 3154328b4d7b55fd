"""Runs commands of Prefect's command line, one after the other in forks: it takes long to load.

Each line of the input is one command as a JSON list; each line of the output its status and text.
"""

import json
import os
import sys
import tempfile
from importlib import import_module

sys.argv = ["prefect"]
app = import_module("prefect.cli").app
for name in ("prefect.flows", "prefect.client.orchestration", "prefect.cli.flow_run"):
    import_module(name)


def run(arguments, output):
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["prefect", *arguments]
    try:
        app()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 0


for line in sys.stdin:
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                status = run(json.loads(line), output.fileno())
            finally:
                sys.stdout.flush()
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        text = output.read().decode()
    print(json.dumps([os.waitstatus_to_exitcode(status), text]), flush=True)
