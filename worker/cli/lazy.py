"""Groups of commands: their help shows whole sentences, and a command's module is imported when the command runs."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

SENTENCE_CHARACTERS_MAX = 1000  # beyond it, a sentence would end in "..."; the formatter wraps lines


class Lazy(NamedTuple):
    """A command that is not imported yet.

    Attributes:
        home: Its module in `worker.cli` and its name there: a function, or a `Typer` with commands.
        help: Its help in the list of commands; the same as the first sentence of its own help.
    """

    home: str
    help: str


def plain() -> typer.Typer:
    """Return an app for one command; its help is plain text."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def commands(
    help_text: str, *, cls: type[TyperGroup] | None = None, without_command: bool = False
) -> typer.Typer:
    """Return an app for commands that share their first word.

    Args:
        help_text: The purpose of these commands.
        cls: The class that lists the commands; by default they are one list.
        without_command: Whether the first word is a command by itself; otherwise it shows the help.
    """
    return typer.Typer(
        cls=cls or Listed,
        help=help_text,
        invoke_without_command=without_command,
        no_args_is_help=not without_command,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


class Listed(TyperGroup):
    """A group that lists its commands without truncating their help."""

    def format_commands(self, _context: Any, formatter: Any) -> None:
        """Write each section."""
        for title, rows in self.sections():
            with formatter.section(title):
                formatter.write_dl(rows)

    def sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the sections of the list: the title, and the names and helps of the commands."""
        rows = [
            (name, command.get_short_help_str(SENTENCE_CHARACTERS_MAX))
            for name, command in self.commands.items()
        ]
        yield "Commands", rows


class LazyCommands(Mapping[str, Any]):
    """Commands by name, each imported when it is looked up."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

    def __getitem__(self, name: str) -> Any:
        """Import a command."""
        module, _, attribute = self._homes[name].partition(":")
        found = getattr(import_module(f"worker.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            place = plain()
            place.command(name)(found)
            found = place
        return get_command(found)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._homes)

    def __len__(self) -> int:
        """Return the number of commands."""
        return len(self._homes)
