"""Reading: deals with their gates, invoices, the integration log, outgoing events."""

import asyncio
from typing import Annotated, Any

import typer

from events.log.log import POSITION_MAX
from worker.cli.context import JsonOption, Unusable, WorkspaceOption, run, workspace_name
from worker.cli.output import FINDING, USAGE, counted, errors, people, print_json, print_rows
from worker.services import Services

FOLLOW_SECONDS = 0.2
Rows = list[dict[str, Any]]


def deals(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List deals, each with its first unmet gate."""
    from projections import queries  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Rows:
        return await opened.database.read(queries.list_deals, await workspace_name(opened, workspace))

    rows = run(work)
    if not as_json:
        for row in rows:
            row["invoice"] = ", ".join(
                each.get("doc_number") or each["invoice_id"] for each in row["invoices"]
            )
    columns = ("deal", "name", "account_name", "stage", "currency", "total", "invoice", "gate", "reason")
    print_rows(rows, columns, as_json=as_json, empty="No deals yet.")


def invoices(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List invoices in QuickBooks, with balance and status."""
    from projections import queries  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Rows:
        return await opened.database.read(queries.list_invoices, await workspace_name(opened, workspace))

    columns = ("deal", "doc_number", "invoice_id", "currency", "net", "tax", "total", "balance", "status")
    print_rows(run(work), columns, as_json=as_json, empty="No invoices yet.")


def log(
    *,
    about: Annotated[
        str | None, typer.Option(help="Only entries about this subject, such as deal/D-17.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the integration log: what was done, refused and corrected."""
    from projections import queries  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Rows:
        name = await workspace_name(opened, workspace)
        return await opened.database.read(queries.list_log, name, wanted=queries.LogWanted(about=about))

    print_rows(
        run(work), ("at", "level", "about", "message", "remedy"), as_json=as_json, empty="Nothing yet."
    )


def explain(
    deal: Annotated[str, typer.Argument(metavar="DEAL", help="The deal's ID in the CRM.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a deal's gates and events: why it has no invoice yet.

    Exits with 1 if a gate is unmet.
    """
    from worker.quote_to_cash import explain as explaining  # noqa: PLC0415 - nothing is imported before it is used
    from worker.quote_to_cash import nearest  # noqa: PLC0415 - as above

    async def work(opened: Services) -> explaining.Explanation | tuple[str, ...]:
        name = await workspace_name(opened, workspace)
        found = await opened.database.read(explaining.explain, name, deal)
        if found is None:
            return await opened.database.read(nearest.nearest, name, deal)
        return found

    found = run(work)
    if isinstance(found, tuple):
        errors.print(f"q2c: No event has named a deal {deal}.{nearest.sentence(found)}")
        raise typer.Exit(USAGE)
    if as_json:
        print_json(found)
    else:
        _print_explanation(found)
    raise typer.Exit(0 if found.first_unmet is None else FINDING)


def _print_gate(deal: str, gate: Any) -> None:
    from worker.cli.offers import commands  # noqa: PLC0415 - nothing is imported before it is used

    people.print(" ✓" if gate.met else " ✗", gate.gate, style="green" if gate.met else "red")
    if not gate.met:
        people.print(f"     {gate.reason}")
        people.print(f"     → {gate.remedy}", style="bold")
        for command in commands(gate.action, deal, gate.about):
            people.print(f"       {command}", markup=False, soft_wrap=True)


def _print_explanation(found: Any) -> None:
    from events.contract import json  # noqa: PLC0415 - nothing is imported before it is used

    people.print(f"{found.deal}  {found.stage.replace('_', ' ')}\n", style="bold")
    for gate in found.gates:
        _print_gate(found.deal, gate)
    if found.sent is not None:
        people.print("\nRequest to QuickBooks", style="bold")
        people.print(f"  {json.encode(found.sent)}", markup=False, soft_wrap=True)
    if found.notes:
        people.print("\nChanged for QuickBooks", style="bold")
        for note in found.notes:
            people.print(f" {note}")
    if found.dead_letters:
        people.print("\nDead letters", style="bold")
    for letter in found.dead_letters:
        times = f", {letter.seen} times" if letter.seen > 1 else ""
        people.print(f" ✗ {letter.last_seen_at:%Y-%m-%d %H:%M:%S}  {letter.origin}{times}", style="red")
        people.print(f"     {letter.reason}: {letter.detail}")
        people.print(f"     → {letter.remedy}", style="bold")
    if found.events:
        people.print("\nEvents", style="bold")
    for event in found.events:
        kind = event.type.removeprefix("com.coeffection.")
        people.print(f" {event.position:>6}  {event.time:%Y-%m-%d %H:%M:%S}  {kind:34} {event.stream}")


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
    from events.contract import catalog  # noqa: PLC0415 - nothing is imported before it is used
    from worker.web.doors.feeds import PAGE_EVENTS_MAX, read_page  # noqa: PLC0415 - as above

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


def rebuild(
    *,
    back: Annotated[
        bool, typer.Option("--back", help="Switch back to the previous rows, after bringing them up to date.")
    ] = False,
    state: Annotated[
        bool,
        typer.Option(
            "--state", help="Also rebuild the process manager's state; no deal is decided meanwhile."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the read models from the log.

    The live read models stay in use until the new ones replace them in one transaction. Workers keep running. Run it
    again after an interruption: it continues.
    """
    from projections import rebuild as building  # noqa: PLC0415 - nothing is imported before it is used
    from projections.all import PROJECTIONS  # noqa: PLC0415 - as above
    from projections.beside import NothingKept  # noqa: PLC0415 - as above
    from worker.quote_to_cash import manager  # noqa: PLC0415 - as above
    from worker.runtime.garbage import seldom_collected  # noqa: PLC0415 - as above
    from worker.services import FOLLOWING  # noqa: PLC0415 - as above

    async def work(opened: Services) -> bool:
        holder = f"rebuild:{opened.entropy.token()[:8]}"
        with seldom_collected():
            ours = await building.rebuild(
                opened.database,
                opened.clock,
                holder,
                PROJECTIONS,
                back=back,
                following=FOLLOWING,
                told=counted(as_json=as_json),
            )
        if state:
            await opened.database.transaction(manager.rebuild)
        return ours

    try:
        ours = run(work)
    except NothingKept as error:
        raise Unusable(f"{error}; q2c rebuild keeps the previous rows until the next rebuild.") from error
    count = len(PROJECTIONS)
    if as_json:
        print_json({"rebuilt": count if ours else 0, "back": back, "state": state})
        return
    done = f"Switched back {count} read models" if back else f"Rebuilt {count} read models"
    people.print(f"{done}{'' if ours else ', in another process'}.")
    if state:
        people.print("Rebuilt the process manager's state.")
