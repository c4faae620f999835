"""An invoice for a deal: found by its number or by customer and date, and ours only by its mark."""

from datetime import date, timedelta
from decimal import Decimal

from events.contract import catalog
from events.contract.currencies import in_currency
from events.contract.quickbooks import InvoiceCreated
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, reference, sent
from worker.commands.kinds import marks
from worker.commands.kinds.kind import Create, Form, Names, Trace
from worker.quickbooks.queries import Condition

DAYS_ASKED_ONE_BY_ONE = 7  # each is a request, of two look-ups; a command is leased for minutes only


def _created(command: Claimed, invoice: Entity, adopted: bool) -> InvoiceCreated:
    total = Decimal(invoice["TotalAmt"])
    tax = Decimal(invoice.get("TxnTaxDetail", {}).get("TotalTax") or 0)
    net = total - tax
    expected = _net_of(sent(command.body))
    currency = reference(invoice, "CurrencyRef") or ""
    return InvoiceCreated(
        deal_id=catalog.key_of(command.key.subject),
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        invoice_id=invoice["Id"],
        customer_id=reference(invoice, "CustomerRef") or "",
        currency=currency,
        net=in_currency(net, currency),
        tax=in_currency(tax, currency),
        total=in_currency(total, currency),
        balance=in_currency(Decimal(invoice.get("Balance", total)), currency),
        txn_date=date.fromisoformat(invoice["TxnDate"]),
        due_date=date.fromisoformat(invoice["DueDate"]) if invoice.get("DueDate") else None,
        doc_number=invoice.get("DocNumber") or None,
        adopted=adopted,
        expected=in_currency(expected, currency) if expected != net else None,
    )


def _net_of(body: Entity) -> Decimal:
    """Add up an invoice before tax: its lines less its discount."""
    signs = {"SalesItemLineDetail": 1, "DiscountLineDetail": -1}
    amounts = (signs.get(line["DetailType"], 0) * Decimal(line["Amount"]) for line in body["Line"])
    return sum(amounts, Decimal(0))


def _forms(trace: Trace) -> tuple[Form, ...]:
    body = trace.body
    by_date = Form(((_customer(body), ("TxnDate", ">=", _first_day(trace).isoformat())),))
    if "DocNumber" in body:
        return (Form(((("DocNumber", "=", body["DocNumber"]),),), tells_absence=False), by_date)
    return (by_date,)


def _other_forms(trace: Trace) -> tuple[Form, ...]:
    """Query for fewer invoices at a time, so that fewer can make QuickBooks reject a query: day by day, then all later ones.

    The date of this request is not enough: a request from before the store was restored from a backup has the date of its own
    day, by a clock that may have been ahead of ours.
    """
    if "TxnDate" not in trace.body:
        return ()
    customer, last = _customer(trace.body), date.fromisoformat(trace.body["TxnDate"])
    first = max(_first_day(trace), last - timedelta(days=DAYS_ASKED_ONE_BY_ONE - 1))
    days = [last - timedelta(days=number) for number in range((last - first).days + 1)]
    queries: list[tuple[Condition, ...]] = [(customer, ("TxnDate", "=", day.isoformat())) for day in days]
    queries.append((customer, ("TxnDate", ">", last.isoformat())))
    if _first_day(trace) < first:
        before = ("TxnDate", ">", (_first_day(trace) - timedelta(days=1)).isoformat())
        queries.append((customer, before, ("TxnDate", "<", first.isoformat())))
    return (Form(tuple(queries)), Form(tuple(queries), one_by_one=True))


def _first_day(trace: Trace) -> date:
    """Return the earliest date that the invoice may have; in some time zone it was still the day before."""
    wished = trace.since.date() - timedelta(days=1)
    return min(date.fromisoformat(trace.body["TxnDate"]), wished) if "TxnDate" in trace.body else wished


def _customer(body: Entity) -> Condition:
    return ("CustomerRef", "=", body["CustomerRef"]["value"])


def _is_ours(command: Claimed, invoice: Entity, trace: Trace) -> bool:
    """Return whether an invoice has the mark of any generation of the same key, and the same customer.

    A voided invoice of another generation does not count.
    """
    note = str(invoice.get("PrivateNote") or "")
    is_marked = marks.is_own(command, note) or (
        marks.is_of_another_generation(command, note) and not _is_voided(invoice, note)
    )
    return is_marked and reference(invoice, "CustomerRef") == reference(trace.body, "CustomerRef")


def _is_voided(invoice: Entity, note: str) -> bool:
    return "Void" in note and not invoice.get("TotalAmt")


KIND = Create(
    name="create_invoice",
    stream="deal",
    event=catalog.INVOICE_CREATED,
    entity="Invoice",
    fact=_created,
    forms=_forms,
    other_forms=_other_forms,
    is_ours=_is_ours,
    names=Names("DocNumber", ("Invoice",), kept_by_inactive=False),
    dated="TxnDate",
)
