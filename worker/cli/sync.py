"""Sync with QuickBooks by hand."""

from typing import Annotated

import typer
from msgspec.structs import asdict

from worker.actions.syncs import request_sync, wait_for_sync
from worker.cli.context import admin, run
from worker.cli.failing import FINDING
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import errors, people, print_json, print_rows
from worker.services import Services
from worker.sync.standing import SyncStanding


def sync(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Compare every object, instead of reading what changed.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Stop waiting after this many seconds.")] = 600,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read what changed in QuickBooks now, whatever the sync frequency is.

    Prints the objects by kind: how many QuickBooks has, how many are observed, how many were read now, and how many of those
    had changed. Exits with 1 if the sync has not ended in time, or if some objects can't be read.
    """
    told = _quiet if as_json else _Progress().told

    async def work(opened: Services) -> tuple[SyncStanding | None, bool]:
        acting = await admin(opened, workspace)
        position = await request_sync(acting, full=full)
        return await wait_for_sync(opened, acting.workspace, position, timeout, told)

    found, is_done = run(work)
    if as_json:
        print_json({"done": is_done, **(asdict(found) if found is not None else {})})
    elif found is not None:
        counted = ("in_quickbooks",) if full else ()
        columns = ("entity", *counted, "observed", "read", "changed", "problem")
        print_rows([asdict(each) for each in found.entities], columns, as_json=False, empty="")
        people.print(_sentence(found, is_done=is_done))
    refused = found is not None and any(each.problem for each in found.entities)
    raise typer.Exit(0 if is_done and not refused else FINDING)


class _Progress:
    """Prints each kind of objects once its reading begins."""

    def __init__(self) -> None:
        self._shown = ""

    def told(self, found: SyncStanding) -> None:
        """Print the kind that is being read, with the counts of both sides."""
        reading = next((each for each in found.entities if not each.complete and not each.problem), None)
        said = found.problem or ""
        if reading is not None and found.mode in {"first", "full"}:
            of = f" of {reading.in_quickbooks}" if reading.in_quickbooks is not None else ""
            said = f"{reading.entity}: {reading.read}{of} read"
        if said and said != self._shown:
            self._shown = said
            errors.print(said, style="dim")


def _quiet(_: SyncStanding) -> None:
    """Print nothing."""


def _sentence(found: SyncStanding, *, is_done: bool) -> str:
    if is_done:
        return f"In step with QuickBooks as of {found.last_sync:%Y-%m-%d %H:%M:%S} UTC."
    why = f": {found.problem}" if found.problem else ". Is a worker with the role sync running (q2c up)?"
    return f"The sync has not ended yet{why}"
