"""The list of commands in a help text: in groups, and no sentence cut off."""

from typing import Any

from typer.core import TyperGroup

UNGROUPED = "Commands"
SENTENCE_CHARACTERS_MAX = 1000  # beyond it, a sentence would end in "..."; the formatter wraps lines


class GroupedCommands(TyperGroup):
    """Lists each command under its `rich_help_panel`, in plain text; typer does so only with rich's boxes."""

    def format_commands(self, _context: Any, formatter: Any) -> None:
        """Write one section a group, in the order in which the groups are first named."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            group = getattr(command, "rich_help_panel", None) or UNGROUPED
            groups.setdefault(group, []).append((name, command.get_short_help_str(SENTENCE_CHARACTERS_MAX)))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)
