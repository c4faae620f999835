"""Deals: listing them, and explaining why one has no invoice yet."""

from typing import Annotated, Any

import typer

from events.contract import json
from worker.cli.context import run, workspace_name
from worker.cli.failing import FINDING, USAGE
from worker.cli.offers import commands
from worker.cli.options import JsonOption, WorkspaceOption
from worker.cli.output import errors, people, print_json, print_rows
from worker.quote_to_cash import explain as explaining
from worker.quote_to_cash import nearest
from worker.services import Services


def deals(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List deals, each with its first unmet gate."""

    async def work(opened: Services) -> list[dict[str, Any]]:
        return await opened.database.read(explaining.list_deals, await workspace_name(opened, workspace))

    rows = run(work)
    if not as_json:
        for row in rows:
            row["invoice"] = ", ".join(
                each.get("doc_number") or each["invoice_id"] for each in row["invoices"]
            )
    columns = ("deal", "name", "account_name", "stage", "currency", "total", "invoice", "gate", "reason")
    print_rows(rows, columns, as_json=as_json, empty="No deals yet.")


def explain(
    deal: Annotated[str, typer.Argument(metavar="DEAL", help="The deal's ID in the CRM.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a deal's gates and events: why it has no invoice yet.

    Exits with 1 if a gate is unmet.
    """

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
    people.print(" ✓" if gate.met else " ✗", gate.gate, style="green" if gate.met else "red")
    if not gate.met:
        people.print(f"     {gate.reason}")
        people.print(f"     → {gate.remedy}", style="bold")
        for command in commands(gate.action, deal, gate.about):
            people.print(f"       {command}", markup=False, soft_wrap=True)


def _print_explanation(found: Any) -> None:
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
