"""A signed deal whose product has no item."""

from typing import Any

from events.contract.envelope import Event
from tests import stories
from tests.worker.quote_to_cash.given import Decider, customer_seen, ready


def without_item(rule: str, **settings: str) -> list[Event]:
    """Everything that a signed deal needs to be invoiced, except an item for its product."""
    more = {"unmapped_product": rule, "income_account": "Services"} | settings
    return [*ready(**more)[:4], customer_seen()]


def items(decider: Decider, number: int = -1) -> list[str]:
    """Return the items on the lines of an invoice."""
    lines = decider.bodies()[number]["Line"]
    return [line["SalesItemLineDetail"]["ItemRef"]["value"] for line in lines]


def two_products() -> dict[str, Any]:
    second = {**stories.LINE, "line_id": "2", "product_id": "P-2", "name": "Training"}
    return {**stories.QUOTE, "lines": [stories.LINE, second], "total": "1199.88"}


def creations(decider: Decider) -> list[str]:
    return [command.key.subject for command in decider.commanded("create_item")]


def case(decider: Decider) -> tuple[str, str | None]:
    gate = decider.gates()[0]
    return gate.code, gate.case
