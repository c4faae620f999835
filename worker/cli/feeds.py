"""Feeds: the outgoing events of a topic."""

import asyncio
from typing import Annotated

import typer

from events.contract import catalog
from events.log.log import POSITION_MAX
from worker.cli.context import run, workspace_name
from worker.cli.failing import Unusable
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import print_json
from worker.services import Services
from worker.web.doors.feeds import PAGE_EVENTS_MAX, read_page

FOLLOW_SECONDS = 0.2


def tail(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help="An outgoing topic, such as crm.deal-updates.v1.")
    ],
    *,
    after: Annotated[int, typer.Option(min=0, max=POSITION_MAX, help="Only events after this position.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new events.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: ARG001 - CloudEvents are JSON already; the option is everywhere
) -> None:
    """Print a topic's outgoing events, one CloudEvent a line."""
    if topic not in catalog.TOPICS_OUT:
        raise Unusable(f"Unknown topic {topic!r}; choose from {', '.join(catalog.TOPICS_OUT)}.")

    async def work(opened: Services) -> None:
        name = await workspace_name(opened, workspace)
        position = after
        while True:
            page = await opened.database.read(read_page, name, topic, position, PAGE_EVENTS_MAX)
            for event in page.events:
                print_json(event)
            if not page.events and not follow:
                return
            position = page.next
            if not page.events:
                await opened.clock.sleep(FOLLOW_SECONDS)

    try:
        run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
