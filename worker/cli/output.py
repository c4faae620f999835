"""The output of commands: text for people by default, only JSON on stdout with `--json`."""

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
# The width of tables without a terminal.
WIDTH = 140


class Plain(Console):
    """A console that prints texts without interpreting them: most are data, and a name may contain brackets or escape codes.

    Emphasis is given by a style, or by a `Text` that has one.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        width = None if (sys.stderr if stderr else sys.stdout).isatty() else WIDTH
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)

    def render_str(self, text: str, **options: Any) -> Text:
        """Show control characters as escapes, so that a terminal does not obey them."""
        return super().render_str(controls.shown(text), **options)


people = Plain()
errors = Plain(stderr=True)


def print_json(value: object) -> None:
    """Print one JSON object on a line of stdout, at once."""
    sys.stdout.write(controls.shown_in_json(json.encode(value)) + "\n")
    sys.stdout.flush()


def counted(*, as_json: bool) -> Callable[[int, int], None] | None:
    """Return a callback that prints the progress of long work every tenth; None without a terminal, or with `--json`."""
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
    """Print variables as `export` lines for a shell."""
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
