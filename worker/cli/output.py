"""What commands print: for people by default, JSON alone on stdout with `--json`."""

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from events.contract import controls, json

CELL_CHARACTERS_MAX = 300  # the whole is in --json
# Where there is no terminal to fit into, rows are not squeezed.
WIDTH = 140


class Plain(Console):
    """A console that prints texts as they are: most are data, and a name may hold brackets or an escape code.

    What is to be set off is printed with a style, or is a `Text` that has one.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        width = None if (sys.stderr if stderr else sys.stdout).isatty() else WIDTH
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)

    def render_str(self, text: str, **options: Any) -> Text:
        """Show what a terminal would obey."""
        return super().render_str(controls.shown(text), **options)


people = Plain()
errors = Plain(stderr=True)


def print_json(value: object) -> None:
    """Print one JSON object on a line of stdout, at once."""
    sys.stdout.write(controls.shown_in_json(json.encode(value)) + "\n")
    sys.stdout.flush()


def counted(*, as_json: bool) -> Callable[[int, int], None] | None:
    """Return what tells a person at a terminal how far something long is, ten times in all; none where none looks."""
    if as_json or not sys.stderr.isatty():
        return None
    shown = 0

    def told(done: int, of: int) -> None:
        nonlocal shown
        tenths = 10 * done // max(of, 1)
        if tenths > shown:
            shown = tenths
            errors.print(f"{10 * tenths} %", style="dim")

    return told


def print_exports(variables: Mapping[str, str]) -> None:
    """Print variables as lines that a shell takes over."""
    for name, value in variables.items():
        people.print(f"export {name}={shlex.quote(value)}", soft_wrap=True)


def print_rows(rows: Sequence[dict[str, Any]], columns: Iterable[str], *, as_json: bool, empty: str) -> None:
    """Print rows as JSON Lines or as a table of some columns."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    if not rows:
        people.print(empty, style="dim")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = list(columns)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    people.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
    return text if len(text) <= CELL_CHARACTERS_MAX else f"{text[: CELL_CHARACTERS_MAX - 1]}…"
