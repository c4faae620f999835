"""The events of many deals, as the CRM and DocuSign send them: the input of every benchmark.

Each deal is drafted, sent for signature, delivered, and then mostly signed; the CRM sends its result. Of ten deals, eight
are signed, one is declined and one stays open, and one has a new snapshot of its account: 59 events in all, 29 of them
snapshots of a deal whose quote has four lines. An event has 720 bytes on average, a deal's snapshot 1,070. Five hundred
deals are open at once, so the events of one deal are far apart.
"""

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

WORKSPACE = "acme"
SOURCE_CRM = "https://crm.coeffection.example"
SOURCE_DOCUSIGN = "urn:docusign:connect"
BEGINNING = datetime(2026, 5, 5, 12, tzinfo=UTC)
ACCOUNTS = 400
PRODUCTS = tuple(
    (f"P-{number}", f"Platform seat, tier {number}", f"{number}9.995") for number in range(1, 21)
)
LINES = 4
OPEN_DEALS = 500
STEP = timedelta(seconds=7)
# Of ten deals: the one with a snapshot of its account, the declined one, the open one; the others are signed.
WITH_ACCOUNT, DECLINED, STAYS_OPEN = 1, 2, 3


class Message(Struct, frozen=True):
    """An incoming event with separate attributes and data, as in Kafka."""

    attributes: dict[str, str]
    data: bytes

    @property
    def structured(self) -> bytes:
        """The event as one JSON object, as over HTTP."""
        return msgspec.json.encode({**self.attributes, "data": msgspec.Raw(self.data)})


def flow(seed: int = 1) -> Iterator[Message]:
    """Yield the events of deals without end; the same seed gives the same events."""
    random = Random(seed)  # noqa: S311 - the same story every time
    numbers = count(1)
    waiting: list[tuple[float, int, Iterator[Message]]] = []
    now = 0.0
    while True:
        while len(waiting) < OPEN_DEALS:
            number = next(numbers)
            heapq.heappush(waiting, (now + random.expovariate(1.0), number, _life(number, random)))
        now, number, life = heapq.heappop(waiting)
        message = next(life, None)
        if message is not None:
            heapq.heappush(waiting, (now + random.expovariate(1.0), number, life))
            yield message


def sales(first: int, seed: int = 1) -> Iterator[tuple[str, list[Message]]]:
    """Yield deals by ID with their first events: a new snapshot of the account, then those until the contract is sent."""
    random = Random(seed)  # noqa: S311 - the same story every time
    for number in count(first):
        deal_id, account_id = f"D-{number:07}", f"A-{random.randint(1, ACCOUNTS)}"
        began = BEGINNING + number * STEP
        yield (
            deal_id,
            [
                _message("account.updated", account_id, _account(account_id, number), began, number),
                *_drafted(deal_id, _deal(deal_id, account_id, number, random), began),
            ],
        )


def _drafted(deal_id: str, deal: dict[str, Any], began: datetime) -> Iterator[Message]:
    yield _message("deal.updated", deal_id, {**deal, "revision": 1, "stage": "quote_draft"}, began, 1)
    sent = began + STEP
    yield _message("deal.updated", deal_id, {**deal, "revision": 2, "stage": "contract_sent"}, sent, 2)


def _life(number: int, random: Random) -> Iterator[Message]:
    deal_id, kind = f"D-{number:07}", number % 10
    account_id = f"A-{random.randint(1, ACCOUNTS)}"
    began = BEGINNING + number * STEP
    contract = {"contract_id": f"C-{number:07}", "deal_id": deal_id}
    if kind == WITH_ACCOUNT:
        yield _message("account.updated", account_id, _account(account_id, number), began, number)
    deal = _deal(deal_id, account_id, number, random)
    yield from _drafted(deal_id, deal, began)
    sent = began + STEP
    yield _message("contract.sent", deal_id, {**contract, "at": sent}, sent)
    yield _message("contract.delivered", deal_id, {**contract, "at": sent + STEP}, sent + STEP)
    over = sent + 2 * STEP
    if kind == DECLINED:
        yield _message("contract.declined", deal_id, {**contract, "at": over, "reason": "The price"}, over)
        yield _message("deal.updated", deal_id, {**deal, "revision": 3, "stage": "closed_lost"}, over, 3)
    elif kind != STAYS_OPEN:
        yield _message("contract.signed", deal_id, {**contract, "at": over}, over)
        won = {**deal, "revision": 3, "stage": "closed_won", "closed_at": over}
        yield _message("deal.updated", deal_id, won, over, 3)


def _message(kind: str, subject: str, data: dict[str, Any], time: datetime, revision: int = 0) -> Message:
    crm = not kind.startswith("contract")
    attributes = {
        "specversion": "1.0",
        "id": f"{kind}/{subject}/{revision}",
        "source": SOURCE_CRM if crm else SOURCE_DOCUSIGN,
        "type": f"com.coeffection.{kind}.v1",
        "subject": subject,
        "time": time.isoformat(),
        "datacontenttype": "application/json",
        "workspace": WORKSPACE,
        "partitionkey": f"{WORKSPACE}/{subject}",
    }
    return Message(attributes, msgspec.json.encode(data))


def _account(account_id: str, revision: int) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "revision": revision,
        "name": f"Customer {account_id}, Inc.",
        "email": "accounts@customer.example",
        "billing_address": {"line1": "7 Main Street", "city": "Portland", "region": "OR", "country": "US"},
        "currency": "USD",
    }


def _deal(deal_id: str, account_id: str, number: int, random: Random) -> dict[str, Any]:
    lines, total = [], Decimal(0)
    for place, (product_id, name, price) in enumerate(random.sample(PRODUCTS, LINES), start=1):
        quantity = random.randint(1, 40) * 2
        lines.append(
            {
                "line_id": str(place),
                "product_id": product_id,
                "sku": f"SEAT-{product_id}",
                "name": name,
                "quantity": str(quantity),
                "unit_price": price,
            }
        )
        total += quantity * Decimal(price)
    return {
        "deal_id": deal_id,
        "account_id": account_id,
        "name": f"Renewal {number} of {account_id}",
        "currency": "USD",
        "owner": "kim@coeffection.example",
        "po_number": f"PO-{number}",
        "quote": {
            "quote_id": f"Q-{number}",
            "revision": 1,
            "tax_mode": "exclusive",
            "lines": lines,
            "total": str(total.quantize(Decimal("0.01"))),
        },
    }
