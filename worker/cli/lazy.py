"""Groups of commands: help that cuts no sentence off, and commands whose modules are imported when they are needed."""

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
    """Return a place for a command; its help is plain text."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def commands(
    help_text: str, *, cls: type[TyperGroup] | None = None, without_command: bool = False
) -> typer.Typer:
    """Return a place for commands that share their first word.

    Args:
        help_text: What they are for.
        cls: Lists them, if not as one list.
        without_command: Whether the first word does something by itself; otherwise it shows the help.
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
    """Commands that are listed whole."""

    def format_commands(self, _context: Any, formatter: Any) -> None:
        """Write each section."""
        for title, rows in self.sections():
            with formatter.section(title):
                formatter.write_dl(rows)

    def sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Give the sections of the list: each with the names and helps of its commands."""
        rows = [
            (name, command.get_short_help_str(SENTENCE_CHARACTERS_MAX))
            for name, command in self.commands.items()
        ]
        yield "Commands", rows


class LazyCommands(Mapping[str, Any]):
    """Commands by name, each imported when it is asked for."""

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
        """Give the names."""
        return iter(self._homes)

    def __len__(self) -> int:
        """Count them."""
        return len(self._homes)
