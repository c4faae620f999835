"""The help texts: every command, argument and option has one, whole, and each command stands in a group."""

from collections.abc import Iterator

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from worker.cli.groups import UNGROUPED
from worker.cli.root import app

GROUPS = ("Try it out:", "Run:", "People:", "Operations:", "Proof:")


def _commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, command
    for name, nested in getattr(command, "commands", {}).items():
        yield from _commands(nested, (*path, name))


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_sentence_is_cut_off(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], prog_name="q2c", env={"COLUMNS": "50"})
    usage, _, texts = shown.stdout.partition("\n\n")
    assert (shown.exit_code, usage.split()[:2]) == (0, ["Usage:", "q2c"])
    assert [line for line in texts.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_argument_and_option_has_a_help_text(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    without = [parameter.name for parameter in command.params if not parameter.help]  # type: ignore[attr-defined] # typer's own click is private
    assert (without, bool(command.help)) == ([], True)  # type: ignore[attr-defined] # as above


def test_every_command_stands_in_a_group() -> None:
    lines = CliRunner().invoke(app, ["--help"], prog_name="q2c").stdout.splitlines()
    assert [line for line in lines if line in GROUPS] == list(GROUPS)
    assert f"{UNGROUPED}:" not in lines
