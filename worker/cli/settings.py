"""Settings of a workspace."""

import sys
from collections import Counter
from datetime import datetime
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from worker.actions.effects import SYNC_SETTINGS, Effects, effects_of
from worker.actions.settings import CurrentSetting, change_settings, current_settings
from worker.cli.context import accepted, admin, run, workspace_name
from worker.cli.failing import Unusable
from worker.cli.lazy import plain
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import people, print_json
from worker.services import Services
from worker.workspaces.settings import SETTINGS


class SettingsListed(TyperCommand):
    """A command whose help ends with every setting."""

    def format_epilog(self, _context: Any, formatter: Any) -> None:
        """Write a section with the effect and the form of each setting."""
        with formatter.section("Settings"):
            formatter.write_dl(
                [(setting.name, f"{setting.help} Value: {setting.kind.form}.") for setting in SETTINGS]
            )


set_command = plain()


@set_command.command(cls=SettingsListed)
def set_settings(
    changes: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="An empty value restores the default.")
    ],
    *,
    why: Annotated[str | None, typer.Option(help="Why you change them; kept in the log.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show how many writes it would cause on each side.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a workspace's settings: all of those given, or none.

    q2c settings shows the current values. A change of customer sync first shows how many customers and accounts it creates and
    updates; on a terminal, it asks.
    """
    pairs = [change.partition("=") for change in changes]
    for key, separator, _ in pairs:
        if not separator:
            raise Unusable(f"Write {key}=VALUE.")
    wanted = {key: value for key, _, value in pairs}
    if twice := [key for key, count in Counter(key for key, _, _ in pairs).items() if count > 1]:
        raise Unusable(f"Give each setting once; more than once: {', '.join(twice)}.")

    async def work(opened: Services) -> tuple[int | None, Effects | None]:
        acting = await admin(opened, workspace)
        effects = await effects_of(acting, wanted) if dry_run or SYNC_SETTINGS & wanted.keys() else None
        if dry_run:
            return None, effects
        if effects is not None and not effects.is_nothing and not yes and _is_asked(as_json):
            people.print(effects.says)
            if not typer.confirm("Set it?"):
                raise Unusable("Nothing was set.")
            effects = None  # they were shown
        return await change_settings(acting, wanted, why), effects

    position, effects = run(work)
    if effects is not None and (dry_run or not as_json):
        _print_effects(effects, as_json=as_json)
    if position is not None:
        accepted(position, f"Set {', '.join(changes)}.", as_json=as_json)


def _is_asked(as_json: bool) -> bool:
    """Return whether a person at a terminal can be asked."""
    return not as_json and sys.stdin.isatty() and sys.stdout.isatty()


def _print_effects(effects: Effects, *, as_json: bool) -> None:
    if as_json:
        print_json(effects)
    else:
        people.print(effects.says)


def settings(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show a workspace's settings: value, default, and what each does."""

    async def work(opened: Services) -> list[CurrentSetting]:
        return await opened.database.read(current_settings, await workspace_name(opened, workspace))

    for setting in run(work):
        if as_json:
            print_json(setting)
        else:
            _print_setting(setting)


def _print_setting(setting: CurrentSetting) -> None:
    origin = f": {setting.reason}" if setting.reason else ""
    note = f"(chosen; default: {_said(setting.default)})" if setting.chosen else f"(default{origin})"
    people.print(f"{setting.key:27} {_said(setting.value)}  {note}", style="bold", soft_wrap=True)
    people.print(f"    {setting.help}", style="dim", soft_wrap=True)


def _said(value: object) -> str:
    """Return a value as text, in the form that `q2c set` takes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return "(not set)" if value is None else str(value)
