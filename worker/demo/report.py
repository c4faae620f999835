"""The demo's final report: a table of the deals, one invoice, and the proof."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from events.contract import controls
from worker.demo import reading
from worker.demo.expected import net
from worker.demo.play import Performance
from worker.demo.story import Tale

GOOD, BAD = Text("✓", style="green"), Text("✗", style="red")


def as_json(performance: Performance, *, kept: bool) -> dict[str, object]:
    """Return the report as JSON values."""
    proof = performance.proof
    return {
        "deals": proof.deals,
        "won": proof.won,
        "invoices": proof.invoices,
        "duplicates": proof.duplicates,
        "held": proof.held,
        "faults": performance.faults,
        "restarts": performance.restarts,
        "notices": performance.notices,
        "seconds": performance.seconds,
        "wrong": proof.wrong,
        "waiting_for": performance.idleness.waiting_for,
        **({"url": performance.url} if kept else {}),
    }


def is_good(performance: Performance) -> bool:
    """Return whether every won deal has its one correct invoice, and no work is left."""
    proof = performance.proof
    return not proof.wrong and proof.duplicates == 0 and performance.idleness.idle


def show(performance: Performance, console: Console) -> None:
    """Print the table and the proof."""
    invoices = performance.proof.found
    rows = {row["deal"]: row for row in performance.rows}
    table = Table(box=None, header_style="bold", pad_edge=False, expand=False)
    for name, justify in (
        ("deal", "left"),
        ("contract", "left"),
        ("customer", "left"),
        ("signed for", "right"),
        ("invoice", "right"),
        ("before tax", "right"),
        ("with tax", "right"),
        ("", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=name != "", overflow="ellipsis")  # type: ignore[arg-type]  # a literal above
    for tale in performance.tales:
        table.add_row(*_cells(tale, rows.get(tale.deal_id, {}), invoices.get(tale.deal_id)))
    console.print(table)
    console.print()
    _print_one(performance, console)
    _print_proof(performance, console)


def _cells(tale: Tale, row: dict[str, Any], invoice: dict[str, Any] | None) -> list[str | Text]:
    contract = row.get("contract_status") or ("won in CRM" if row.get("won") else "none")
    cells: list[str | Text] = [
        tale.deal_id,
        contract,
        str(row.get("account_name") or row.get("account") or ""),
        f"{tale.total:,}" if tale.total is not None else "",
    ]
    if invoice is not None:
        total = invoice["TotalAmt"]
        return [
            *cells,
            str(invoice["DocNumber"]),
            f"{net(invoice):,.2f}",
            f"{total:,.2f}",
            GOOD,
        ]
    return [*cells, "", "", "", Text(controls.shown(str(row.get("reason") or _stage(row))), style="yellow")]


def _stage(row: dict[str, Any]) -> str:
    waiting = {"quote_draft": "a draft still", "contract_sent": "waits for the signature"}
    return waiting.get(str(row.get("stage")), str(row.get("stage", "unknown")).replace("_", " "))


def _print_one(performance: Performance, console: Console) -> None:
    """Print the whole invoice with the most lines and details."""
    found = performance.proof.found
    if not found:
        return
    deal, invoice = max(found.items(), key=lambda item: (len(item[1]["Line"]), item[0]))
    console.print(reading.title(deal, invoice), style="bold")
    console.print(reading.head(invoice, performance.books))
    console.print(reading.lines(invoice, performance.books))
    console.print()


def _print_proof(performance: Performance, console: Console) -> None:
    proof = performance.proof
    faults = sum(performance.faults.values())
    console.print(
        f"On the way: {performance.events_sent} events sent, {faults} requests to QuickBooks failed"
        f" ({', '.join(f'{count} {kind}' for kind, count in performance.faults.items()) or 'none'}),"
        f" the worker killed {performance.restarts} times; QuickBooks sent notices of {performance.notices} changes;"
        f" {performance.seconds:.0f} s."
    )
    for problem in proof.wrong:
        console.print(BAD, problem)
    if not performance.idleness.idle:
        console.print(BAD, f"Not finished in time: {performance.idleness.waiting_for}")
    waiting = proof.won - proof.invoices
    console.print(
        GOOD if is_good(performance) else BAD,
        f"{proof.won} deals won: {proof.invoices} invoices in QuickBooks, duplicates"
        f" {proof.duplicates}; {waiting} won deals wait, each with its reason above.",
    )
