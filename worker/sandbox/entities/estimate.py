"""Estimates: sales forms that post nothing, and close when an invoice is linked to them."""

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.sales import basis, form, links
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Choice, Day, Fields, Property, Ref, Text

_PROPERTIES = described(
    *form.PROPERTIES,
    Property(
        "TxnStatus",
        Choice(("Pending", "Accepted", "Closed", "Rejected")),
        filterable=True,
        default="Pending",
    ),
    Property("ExpirationDate", Day(), filterable=True),
    Property("AcceptedBy", Text(100)),
    Property("AcceptedDate", Day(), filterable=True),
    Property("DueDate", Day(), filterable=True),
    Property("SalesTermRef", Ref(("Term",), "Terms")),
    Property("SalesRepRef", Ref(())),
    Property("PONumber", Text(25)),
    Property("FOB", Text(25)),
    Property("TemplateRef", Ref(())),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Complete an estimate. A closed one that an invoice is linked to keeps the status it had before."""
    fields = form.composed(company, draft)
    before, status = draft.before, fields.get("TxnStatus", "Pending")
    if before is not None and _invoiced(company, before) and status == "Closed":
        status = before["TxnStatus"]
    number = basis.numbered(company, draft, "estimates", "Estimate")
    return {**fields, "TxnStatus": status, "LinkedTxn": None, **number}


def derived(company: Company, stored: Fields) -> Fields:
    """Close an estimate that an invoice is linked to, and list the invoices."""
    return {
        "TxnStatus": "Closed" if _invoiced(company, stored) else stored["TxnStatus"],
        "LinkedTxn": links.shown(company, "Estimate", stored) or None,
        **basis.total_at_home(company, stored),
    }


def _invoiced(company: Company, stored: Fields) -> bool:
    return bool(company.ledger.settling(("Estimate", stored["Id"])))


ESTIMATE = Entity(
    name="Estimate",
    properties=_PROPERTIES,
    ids="transactions",
    operations=TRANSACTION | {"send", "pdf"},
    derived_names=frozenset({"TxnStatus", "LinkedTxn", "HomeTotalAmt"}),
    compose=compose,
    derived=derived,
)
