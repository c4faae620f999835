"""Compare QuickBooks' books with the signed deals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from worker.demo import announced, created, expected, market, story
from worker.demo.announced import Announcement
from worker.demo.expected import AppliedSettings, CompanyBooks, Entity
from worker.demo.story import Tale


class Proof(Struct, frozen=True):
    """The result of the comparison: `wrong` has the errors as sentences, `found` the first invoice of each deal."""

    deals: int
    won: int
    invoices: int
    duplicates: int
    held: tuple[dict[str, str], ...]
    wrong: tuple[str, ...]
    found: dict[str, Entity]


def prove(
    tales: Sequence[Tale],
    rows: Sequence[dict[str, Any]],
    company: CompanyBooks,
    chosen: AppliedSettings,
    messages: Mapping[str, Sequence[Announcement]],
) -> Proof:
    """Compare each deal with its invoices in the books, and with its announcements.

    Args:
        tales: The deals.
        rows: The worker's read model of the deals.
        company: The company with every object in its books, from the sandbox itself.
        chosen: The settings during the whole run.
        messages: The announcements to the CRM and reporting, by deal.
    """
    by_deal = {tale.deal_id: expected.invoices_of(tale, company) for tale in tales}
    stands = {row["deal"]: row for row in rows}
    wrong = [
        f"{tale.deal_id}: {problem}"
        for tale in tales
        for problem in _problems(tale, by_deal[tale.deal_id], company, chosen, messages)
    ]
    ours = [invoice["Id"] for invoices in by_deal.values() for invoice in invoices]
    strangers = sorted(invoice["Id"] for invoice in company.books["Invoice"] if invoice["Id"] not in ours)
    wrong += [f"invoice {invoice} is for no deal of ours" for invoice in strangers]
    wrong += _created(tales, company)
    return Proof(
        deals=len(tales),
        won=sum(bool(row["won"]) for row in rows),
        invoices=len(company.books["Invoice"]),
        duplicates=sum(max(len(invoices) - 1, 0) for invoices in by_deal.values()),
        held=tuple(
            {"deal": tale.deal_id, "gate": stands[tale.deal_id]["gate"]}
            for tale in tales
            if stands.get(tale.deal_id, {}).get("gate")
        ),
        wrong=tuple(wrong),
        found={deal: invoices[0] for deal, invoices in by_deal.items() if invoices},
    )


def _problems(
    tale: Tale,
    invoices: Sequence[Entity],
    company: CompanyBooks,
    chosen: AppliedSettings,
    messages: Mapping[str, Sequence[Announcement]],
) -> Iterator[str]:
    wanted = 1 if tale.expects_invoice else 0
    if len(invoices) != wanted:
        yield f"{len(invoices)} invoices instead of {wanted}"
        return
    for invoice in invoices:
        yield from expected.problems(tale, invoice, company, chosen)
    first = invoices[0] if invoices else None
    yield from announced.problems(tale, company, first, messages.get(tale.deal_id, ()))


def _created(tales: Sequence[Tale], company: CompanyBooks) -> Iterator[str]:
    """Compare the created customers and items of the invoices."""
    invoiced = [tale for tale in tales if tale.expects_invoice]
    for account in sorted({tale.account_id for tale in invoiced} - company.customers.keys()):
        yield from created.customer_problems(company.accounts[account], company)
    known = {*company.items, market.UNMAPPED_PRODUCT[0]}
    lines = [line for line in story.lines(invoiced) if line["product_id"] not in known]
    yield from created.item_problems(lines, company)
