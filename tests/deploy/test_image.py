"""What `deploy/` holds: that it says what is there, and, where an engine runs, that it works."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click
import pytest
import yaml

from legato._cli.commands import COMMANDS
from legato._settings.table import PREFIX, SETTINGS

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Containerfile"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="not part of this copy")
KNOWN = {PREFIX + setting.name for setting in SETTINGS}


def instructions():
    """The instructions of the Containerfile, each with what it is told."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def told(kind):
    return [said for name, said in instructions() if name == kind]


def compose():
    return yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())


def is_there(command):
    """Assert that a command of ours is there."""
    program, noun, *rest = command
    assert program == "legato"
    found = COMMANDS[noun].load()
    for name in rest:
        assert isinstance(found, click.Group)
        found = found.commands[name]


def names_no_host(image):
    """Tell whether an image is called by its name alone, wherever it comes from."""
    head = image.split("/")[0]
    return not ("/" in image and ("." in head or ":" in head or head == "localhost"))


def test_the_commands_of_the_image_are_there():
    is_there(json.loads(told("CMD")[0]))
    is_there(json.loads(told("HEALTHCHECK")[0].partition(" CMD ")[2]))


def test_the_image_has_what_it_copies_and_it_is_not_left_out_of_its_context():
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for said in told("COPY"):
        if not said.startswith("--from="):
            for path in said.split()[:-1]:
                assert (ROOT / path).exists(), path
                glob = re.sub(r"/[^/]+\.txt$", "/*.txt", path)
                assert f"!{glob}" in kept, path


def test_the_image_is_not_run_by_root_and_names_no_host():
    user = told("USER")[-1].split(":")[0]
    assert user.isdigit()
    assert int(user) > 0
    assert instructions().index(("USER", told("USER")[-1])) > max(
        at for at, (name, _) in enumerate(instructions()) if name == "RUN"
    )
    for image in (told("ARG")[0].partition("=")[2], *(s["image"] for s in services().values())):
        assert names_no_host(image), image


def services():
    return compose()["services"]


def test_what_is_set_is_a_setting():
    named = re.findall(r"(LEGATO_\w+)=", " ".join(told("ENV")))
    assert "LEGATO_HOME" in named
    named += [name for name in services()["server"]["environment"] if name.startswith(PREFIX)]
    assert set(named) <= KNOWN


def test_a_server_of_the_composition_waits_for_its_database_and_keeps_what_it_has():
    whole = compose()
    for service in whole["services"].values():
        assert set(service.get("depends_on", ())) <= set(whole["services"])
        places = [volume.partition(":")[0] for volume in service["volumes"]]
        assert set(places) <= set(whole["volumes"])
    server, database = whole["services"]["server"], whole["services"]["database"]
    assert server["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert database["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert "@database/" in server["environment"]["LEGATO_SERVER_DATABASE_CONNECTION_URL"]
    assert (ROOT / "deploy" / server["build"]["context"]).resolve() == ROOT
    assert ROOT / server["build"]["dockerfile"] == FILE
    mounted = server["volumes"][0].partition(":")[2]
    assert mounted == told("VOLUME")[0] == "/data"


def test_nobody_but_this_machine_reaches_the_composition_and_nobody_without_a_password():
    server = services()["server"]
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    assert ":?" in server["environment"]["LEGATO_SERVER_API_AUTH_STRING"]
    assert ":?" in services()["database"]["environment"]["POSTGRES_PASSWORD"]


def engine():
    """An engine of containers that answers, and has the image to build on; None: there is none."""
    for name in ("docker", "podman"):
        if shutil.which(name) is not None:
            base = os.environ.get("LEGATO_TEST_IMAGE", told("ARG")[0].partition("=")[2])
            asked = [name, "image", "inspect", base]
            if not subprocess.run(asked, capture_output=True, check=False, timeout=60).returncode:
                return name, base
    return None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_image_is_built_and_serves(tmp_path):
    found = engine()
    if found is None:
        pytest.skip(
            "no engine of containers with the image to build on; LEGATO_TEST_IMAGE names it"
        )
    name, base = found

    def run(*arguments):
        return subprocess.run([name, *arguments], check=True, capture_output=True, text=True).stdout

    build = ["build", "--network", "host", "-f", str(FILE), "-t", "legato-test"]
    if (index := os.environ.get("PIP_INDEX_URL")) is not None:
        build += ["--build-arg", f"PIP_INDEX_URL={index}"]
    run(*build, "--build-arg", f"PYTHON={base}", str(ROOT))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    more = [
        "-e",
        "LEGATO_SERVER_API_AUTH_STRING=ada:secret",
        "-e",
        f"LEGATO_SERVER_API_PORT={port}",
    ]
    container = run("run", "-d", "--network", "host", "--read-only", *more, "legato-test").strip()
    try:
        until_it_answers(f"http://127.0.0.1:{port}/api/health", lambda: run("logs", container))
        assert run("exec", container, "id", "-u").strip() == "10001"
        assert (
            "API is at"
            in subprocess.run(
                [name, "exec", container, "legato", "server", "status"],
                check=True,
                capture_output=True,
                text=True,
            ).stderr
        )
        run("stop", "-t", "30", container)
        assert run("inspect", "-f", "{{.State.ExitCode}}", container).strip() == "0"
    finally:
        run("rm", "-f", container)


def until_it_answers(url, logs):
    deadline = time.monotonic() + 120
    while True:
        try:
            with urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except (URLError, OSError):
            assert time.monotonic() < deadline, logs()
            time.sleep(0.2)
