"""The ways in which customers pay."""

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity, Naming
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import Choice, Fields, Property, Text

_PROPERTIES = described(
    ACTIVE,
    Property("Name", Text(31), filterable=True),
    Property("Type", Choice(("CREDIT_CARD", "NON_CREDIT_CARD")), filterable=True),
)


def compose(_: Company, draft: Draft) -> Fields:
    """Complete a payment method: it is no credit card unless the request says so."""
    return {"Type": "NON_CREDIT_CARD", **draft.fields}


PAYMENT_METHOD = Entity(
    name="PaymentMethod",
    properties=_PROPERTIES,
    ids="PaymentMethod",
    operations=LIST,
    naming=Naming(),
    compose=compose,
)
