"""Links between transactions: which a request may set, and how they are shown on both sides."""

from collections.abc import Iterable

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.ledger import NOTHING, Application, Key
from worker.sandbox.books.names import lineage
from worker.sandbox.schema.kinds import Choice, Fields, Property, Text, group

TYPES = (
    "BillPaymentCheck",
    "BillPaymentCreditCard",
    "Bill",
    "ChargeCredit",
    "Check",
    "CreditCardCredit",
    "CreditMemo",
    "Deposit",
    "Estimate",
    "Expense",
    "InventoryAdjustment",
    "Invoice",
    "JournalEntry",
    "Payment",
    "Purchase",
    "PurchaseOrder",
    "RefundReceipt",
    "ReimburseCharge",
    "SalesReceipt",
    "StatementCharge",
    "TimeActivity",
    "Transfer",
    "VendorCredit",
)
LINKED = group(Property("TxnId", Text()), Property("TxnType", Choice(TYPES)), Property("TxnLineId", Text()))
# Links that QuickBooks sets itself; requests that repeat what they have read bring them along.
_ITS_OWN = frozenset(
    {"CreditMemo", "Deposit", "Invoice", "JournalEntry", "Payment", "ReimburseCharge", "StatementCharge"}
)


def target(company: Company, link: Fields) -> tuple[Key, Fields]:
    """Return the transaction that a link names, with its key.

    Raises:
        Fault: 2020 if the link lacks an Id or a type, 2500 if it names nothing.
    """
    for name in ("TxnId", "TxnType"):
        if not link.get(name):
            raise faults.required(name)
    kind, identifier = link["TxnType"], link["TxnId"]
    found = company.objects.get(kind, {}).get(identifier)
    if found is None:
        raise faults.invalid_reference("Transactions", identifier)
    return (kind, identifier), found


def only(company: Company, line: Fields, types: frozenset[str], of: str) -> tuple[Key, Fields]:
    """Return the transaction that a line is linked to.

    Raises:
        Fault: 2020 if there is no link, 2500 if it names nothing, 6000 for several or for a type that cannot be linked.
    """
    links = line.get("LinkedTxn") or []
    if not links:
        raise faults.required("LinkedTxn")
    key, found = target(company, links[0])
    if len(links) > 1 or key[0] not in types:
        raise faults.business(f"A line of a {of} cannot be linked to these transactions")
    return key, found


def to_estimates(company: Company, fields: Fields, before: Fields | None) -> list[Fields]:
    """Return the links of an invoice to estimates: its own, and those of its lines.

    Raises:
        Fault: One names nothing, something else than an estimate, or the estimate of another customer.
    """
    of_lines = (link for line in fields["Line"] for link in line.get("LinkedTxn", ()))
    known = {link["TxnId"] for link in (before or {}).get("LinkedTxn", ())}
    found: dict[str, Fields] = {}
    for link in (*fields.get("LinkedTxn", ()), *of_lines):
        if link.get("TxnType") in _ITS_OWN:
            continue
        (kind, identifier), estimate = target(company, link)
        if kind != "Estimate":
            raise faults.business(f"An invoice cannot be linked to a {kind}")
        customers = (fields["CustomerRef"]["value"], estimate["CustomerRef"]["value"])
        if identifier not in known and not any(
            within(company, *pair) for pair in (customers, customers[::-1])
        ):
            raise faults.business("An invoice can only be linked to estimates of its customer")
        found[identifier] = {"TxnId": identifier, "TxnType": "Estimate"}
    return list(found.values())


def linking(fields: Fields) -> Iterable[Application]:
    """Close the estimates that an invoice is linked to."""
    return [Application((link["TxnType"], link["TxnId"]), NOTHING) for link in fields.get("LinkedTxn", ())]


def shown(company: Company, entity: str, stored: Fields) -> list[Fields]:
    """Return a transaction's links, and those of the transactions that settle it."""
    settling = company.ledger.settling((entity, stored["Id"]))
    return [*(stored.get("LinkedTxn") or ()), *({"TxnId": by, "TxnType": kind} for kind, by in settling)]


def within(company: Company, customer: str, above: str) -> bool:
    """Return whether a customer is another one, or a job of it."""
    entries = lineage(company, "Customer", company.objects["Customer"][customer])
    return any(each["Id"] == above for each in entries)
