"""The table of commands, help, version, and words that mean nothing."""

import subprocess
import sys

import click
import pytest

from legato import __version__
from legato._cli.commands import COMMANDS
from legato._cli.main import root


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_modules_say(name):
    command = COMMANDS[name].load()
    assert command.name == name
    assert command.help.partition("\n\n")[0] == COMMANDS[name].help


def test_every_command_has_help_and_every_option_too():
    def walk(command):
        assert command.help, command.name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (command.name, parameter.name)
        for child in getattr(command, "commands", {}).values():
            walk(child)

    walk(root)
    for entry in COMMANDS.values():
        walk(entry.load())


@pytest.mark.parametrize("args", [["--help"], ["version"], ["--version"], []])
def test_a_look_at_the_command_loads_no_noun_and_no_backend(args):
    code = (
        "import sys\n"
        "from legato._cli.main import run\n"
        f"run({args})\n"
        "ours = {m for m in sys.modules if m.startswith('legato._cli.')}\n"
        "allowed = {'main', 'commands', 'groups', 'exits', 'version', 'options'}\n"
        "print(ours - {f'legato._cli.{m}' for m in allowed}, file=sys.stderr)\n"
        "print({m for m in ('rich', 'asyncio', 'pydantic', 'sqlalchemy', 'legato._backend',"
        " 'legato._store') if m in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stderr.splitlines()[-2:] == ["set()", "set()"]


def test_help_lists_every_command(legato):
    found = legato("--help")
    assert found.code == 0
    assert not found.err
    for name, entry in COMMANDS.items():
        assert f"{name} " in found.out
        assert entry.help in " ".join(found.out.split())


def test_version(legato):
    assert __version__ in legato("version").out
    assert legato("--version").out == f"legato {__version__}\n"
    assert legato("version", "-o", "json").json["legato"] == __version__


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["flow-rums", "ls"], "did you mean flow-run"),
        (["flow-run", "list"], "There is no command 'list'"),
        (["flow-run", "inspct", "x"], "did you mean inspect?"),
        (["flow-run", "ls", "--limt", "3"], "--limit"),
        (["flow-run", "ls", "--limit", "0"], "0 is not in the range"),
        (["flow-run", "ls", "-o", "yaml"], "'yaml' is not one of"),
        (["flow-run", "inspect"], "Missing argument"),
    ],
)
def test_a_wrong_word_is_a_matter_of_usage(legato, args, hint):
    found = legato(*args)
    assert found.code == 2
    assert not found.out
    assert hint in found.err


@pytest.mark.parametrize("noun", ["flow-runs", "task-runs", "flows"])
def test_a_noun_can_be_said_in_the_plural(legato, noun):
    assert legato(noun, "ls", "-o", "json").json == []


def test_lists_take_the_options_of_prefect_too(legato):
    args = ("--flow-name", "x", "--state-type", "COMPLETED", "-o", "json")
    assert legato("flow-run", "ls", *args).json == []
