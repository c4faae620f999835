"""What QuickBooks' books say in the end, compared with what was signed."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from worker.demo.story import Tale


class Proof(Struct, frozen=True):
    """The comparison. `wrong` says in words what does not fit."""

    deals: int
    won: int
    invoices: int
    duplicates: int
    held: tuple[dict[str, str], ...]
    wrong: tuple[str, ...]


def prove(
    tales: Sequence[Tale], rows: Sequence[dict[str, Any]], books: dict[str, list[dict[str, Any]]]
) -> Proof:
    """Compare each deal with the invoices that the books hold for it.

    Args:
        tales: What was sold.
        rows: The worker's read model of the deals.
        books: Every object of the company, from the sandbox itself.
    """
    by_deal: dict[str, list[dict[str, Any]]] = {}
    for invoice in books["Invoice"]:
        # "Deal D-001: …" is how the memo begins.
        deal_id = invoice["PrivateNote"].removeprefix("Deal ").partition(":")[0]
        by_deal.setdefault(deal_id, []).append(invoice)
    stands = {row["deal"]: row for row in rows}
    wrong = [problem for tale in tales for problem in _problems(tale, by_deal.get(tale.deal_id, []))]
    strangers = by_deal.keys() - {tale.deal_id for tale in tales}
    wrong += [f"{deal_id}: an invoice for no deal of ours" for deal_id in sorted(strangers)]
    counts = Counter({deal_id: len(invoices) for deal_id, invoices in by_deal.items()})
    return Proof(
        deals=len(tales),
        won=sum(bool(row["won"]) for row in rows),
        invoices=len(books["Invoice"]),
        duplicates=sum(count - 1 for count in counts.values()),
        held=tuple(
            {"deal": tale.deal_id, "gate": stands[tale.deal_id]["gate"]}
            for tale in tales
            if stands.get(tale.deal_id, {}).get("gate")
        ),
        wrong=tuple(wrong),
    )


def _problems(tale: Tale, invoices: Sequence[dict[str, Any]]) -> list[str]:
    expected = 1 if tale.expects_invoice else 0
    if len(invoices) != expected:
        return [f"{tale.deal_id}: {len(invoices)} invoices instead of {expected}"]
    return [
        f"{tale.deal_id}: {net(invoice)} in QuickBooks, {tale.total} signed"
        for invoice in invoices
        if net(invoice) != tale.total
    ]


def net(invoice: dict[str, Any]) -> Decimal:
    """Return an invoice's total before tax."""
    tax = (invoice.get("TxnTaxDetail") or {}).get("TotalTax") or 0
    return Decimal(str(invoice["TotalAmt"])) - Decimal(str(tax))
