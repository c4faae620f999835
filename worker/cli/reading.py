"""Reading: where deals stand and why, invoices, the integration log, what goes out."""

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
    """Where each deal stands, and why."""
    from projections import queries  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Rows:
        return await opened.database.read(queries.list_deals, await workspace_name(opened, workspace))

    columns = ("deal", "name", "account_name", "stage", "currency", "total", "doc_number", "gate", "reason")
    print_rows(run(work), columns, as_json=as_json, empty="No deals yet.")


def invoices(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """The invoices that deals have in QuickBooks."""
    from projections import queries  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Rows:
        return await opened.database.read(queries.list_invoices, await workspace_name(opened, workspace))

    columns = ("deal", "doc_number", "invoice_id", "currency", "net", "tax", "total", "balance", "status")
    print_rows(run(work), columns, as_json=as_json, empty="No invoices yet.")


def log(
    *,
    about: Annotated[str | None, typer.Option(help="Only this, such as deal/D-17.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the integration did, in sentences."""
    from projections import queries  # noqa: PLC0415 - nothing is imported before it is used

    async def work(opened: Services) -> Rows:
        name = await workspace_name(opened, workspace)
        return await opened.database.read(queries.list_log, name, about=about)

    print_rows(
        run(work), ("at", "level", "about", "message", "remedy"), as_json=as_json, empty="Nothing yet."
    )


def explain(deal: str, *, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Why there is, or is no, invoice: the gates as they stand, and the events that led there."""
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
        errors.print(f"q2c: nothing that came has named a deal {deal}.{nearest.sentence(found)}")
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
        people.print("\nWhat was sent", style="bold")
        people.print(f"  {json.encode(found.sent)}", markup=False, soft_wrap=True)
    if found.notes:
        people.print("\nWhat QuickBooks got otherwise", style="bold")
        for note in found.notes:
            people.print(f" {note}")
    if found.dead_letters:
        people.print("\nWhat came and could not be used", style="bold")
    for letter in found.dead_letters:
        times = f", {letter.seen} times" if letter.seen > 1 else ""
        people.print(f" ✗ {letter.last_seen_at:%Y-%m-%d %H:%M:%S}  {letter.origin}{times}", style="red")
        people.print(f"     {letter.reason}: {letter.detail}")
        people.print(f"     → {letter.remedy}", style="bold")
    if found.events:
        people.print("\nWhat led here", style="bold")
    for event in found.events:
        kind = event.type.removeprefix("com.coeffection.")
        people.print(f" {event.position:>6}  {event.time:%Y-%m-%d %H:%M:%S}  {kind:34} {event.stream}")


def tail(
    topic: str,
    *,
    after: Annotated[
        int, typer.Option(min=0, max=POSITION_MAX, help="Only what comes after this position.")
    ] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: ARG001 - CloudEvents are JSON already; the option is everywhere
) -> None:
    """What goes out on a topic, as CloudEvents, one a line."""
    from events.contract import catalog  # noqa: PLC0415 - nothing is imported before it is used
    from worker.web.doors.feeds import PAGE_EVENTS_MAX, read_page  # noqa: PLC0415 - as above

    if topic not in catalog.TOPICS_OUT:
        raise Unusable(f"There are the topics {', '.join(catalog.TOPICS_OUT)}.")

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
        bool, typer.Option("--back", help="Return to the rows that were live before, brought up to date.")
    ] = False,
    state: Annotated[
        bool,
        typer.Option("--state", help="Also the state that decisions read; meanwhile, nothing is decided."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build every read model anew from the log, beside the live one, which then gives way in one step.

    Everything else goes on meanwhile. Run it again if it was ended: it goes on where it was.
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
        raise Unusable(f"{error}; rows are kept from one q2c rebuild to the next.") from error
    count = len(PROJECTIONS)
    if as_json:
        print_json({"rebuilt": count if ours else 0, "back": back, "state": state})
        return
    done = f"{count} read models are {'those of before again' if back else 'rebuilt'}"
    people.print(f"{done}{'' if ours else ', by another process'}.")
    if state:
        people.print("The state of decisions is rebuilt.")
