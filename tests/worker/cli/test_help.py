"""Help texts: every command, argument and option has a complete one, and each command is in a section."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from worker.cli.lazy import SENTENCE_CHARACTERS_MAX
from worker.cli.root import SECTIONS, app


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


def test_every_command_stands_in_a_section_with_the_first_sentence_of_its_own_help() -> None:
    lines = CliRunner().invoke(app, ["--help"], prog_name="q2c").stdout.splitlines()
    assert [line for line in lines if line.endswith(":")][1:] == [f"{title}:" for title in SECTIONS]
    for section in SECTIONS.values():
        for name, lazy in section.items():
            command: Any = COMMANDS[name,]
            assert lazy.help == command.get_short_help_str(SENTENCE_CHARACTERS_MAX)


def test_listing_the_commands_imports_none_of_them() -> None:
    code = "import sys, worker.cli; sys.argv = ['q2c', '--help']; worker.cli.main()"
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert {name for name in imported if name.startswith("worker.")} == {
        "worker.cli",
        "worker.cli.failing",
        "worker.cli.lazy",
        "worker.cli.root",
    }
    assert imported.isdisjoint({"sqlalchemy", "pydantic", "rich", "httpx"})
