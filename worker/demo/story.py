"""The deals of the demo: what a small company might sell in a quarter, and what goes wrong with it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from events.values import cents

Twist = Literal[
    "none",
    "won_by_crm",
    "not_signed",
    "declined",
    "voided",
    "closed_lost",
    "quote_changed",
    "no_quote",
    "account_unmapped",
    "product_unmapped",
    "foreign_currency",
    "draft",
]
TWISTS: tuple[Twist, ...] = (
    "declined",
    "quote_changed",
    "not_signed",
    "account_unmapped",
    "won_by_crm",
    "voided",
    "product_unmapped",
    "foreign_currency",
    "closed_lost",
    "no_quote",
    "draft",
)
TWIST_EVERY = 3

Product = tuple[str, str, str, tuple[str, ...]]

ACCOUNTS = (
    "Bluebird Bakery LLC",
    "Northwind Logistics, Inc.",
    "O'Malley & Sons Plumbing",
    "Café Lumière",
    "Granite State Dental",
    "Harper & Lowe Architects",
    "Juniper Health Co-op",
    "Kestrel Aviation Services",
    "Lakeshore Montessori",
    "Müller Feinmechanik Corp.",
    "Pine Street Books",
    "Redwood Legal Group",
    "Sato Robotics USA",
    "Tidewater Marine Supply",
)
UNMAPPED_ACCOUNT = "Umbra Consulting (new)"
PRODUCTS: tuple[Product, ...] = (
    ("P-SEAT", "Platform seat", "49.995", ("5", "12", "35", "80")),
    ("P-API", "API calls, per thousand", "0.333", ("250", "1200", "4750")),
    ("P-ONB", "Onboarding", "1850.00", ("1",)),
    ("P-SUP", "Priority support, month", "399.00", ("3", "12")),
    ("P-TRN", "Training day", "1275.50", ("1", "2", "2.5")),
    ("P-INT", "Integration hour", "128.350", ("7.5", "14.50", "40")),
)
UNMAPPED_PRODUCT: Product = ("P-BETA", "Forecasting (beta)", "640.00", ("1",))


class Tale(Struct, frozen=True):
    """One deal: its snapshots in order, what DocuSign says, and what should come of it."""

    deal_id: str
    name: str
    account_id: str
    twist: Twist
    total: Decimal | None
    snapshots: tuple[dict[str, Any], ...]
    envelope_id: str
    sent_at: datetime

    @property
    def expects_invoice(self) -> bool:
        """Whether QuickBooks must hold an invoice in the end."""
        return self.twist in {"none", "won_by_crm"}


def accounts() -> list[dict[str, Any]]:
    """Return the accounts as the CRM sends them."""
    return [
        {
            "account_id": f"A-{place:02}",
            "revision": 1,
            "name": name,
            "email": f"accounts@{''.join(c for c in name.lower() if c.isascii() and c.isalpha())}.example",
            "billing_address": {
                "line1": f"{place * 7} Main Street",
                "city": "Portland",
                "region": "OR",
                "country": "US",
            },
            "currency": "USD",
        }
        for place, name in enumerate((*ACCOUNTS, UNMAPPED_ACCOUNT), start=1)
    ]


def tales(count: int, random: Random, now: datetime) -> list[Tale]:
    """Tell that many deals; every third has a twist."""
    return [tale(number, _twist(number), random, now) for number in range(1, count + 1)]


def _twist(number: int) -> Twist:
    if number % TWIST_EVERY:
        return "none"
    return TWISTS[(number // TWIST_EVERY - 1) % len(TWISTS)]


def tale(number: int, twist: Twist, random: Random, now: datetime) -> Tale:
    """Tell one deal."""
    account = len(ACCOUNTS) + 1 if twist == "account_unmapped" else random.randint(1, len(ACCOUNTS))
    product = random.choice(PRODUCTS)
    name = f"{(*ACCOUNTS, UNMAPPED_ACCOUNT)[account - 1].split(',')[0]}: {product[1].split(',')[0].lower()}"
    sent_at = now.astimezone(UTC) - timedelta(minutes=random.randint(3, 12))
    quote = None if twist == "no_quote" else _quote(number, product, twist, random)
    base: dict[str, Any] = {
        "deal_id": f"D-{number:03}",
        "account_id": f"A-{account:02}",
        "name": name,
        "currency": "EUR" if twist == "foreign_currency" else "USD",
        "owner": random.choice(("kim", "lee", "ana")) + "@coeffection.example",
        **({"po_number": f"PO-{random.randint(1000, 9999)}"} if random.random() < 0.5 else {}),  # noqa: PLR2004 - half of them
        **({"quote": quote} if quote else {}),
    }
    return Tale(
        deal_id=base["deal_id"],
        name=name,
        account_id=base["account_id"],
        twist=twist,
        total=Decimal(quote["total"]) if quote else None,
        snapshots=tuple(_snapshots(base, twist, sent_at)),
        envelope_id=str(UUID(int=random.getrandbits(128), version=4)),
        sent_at=sent_at,
    )


def day_of_the_first(tales: Sequence[Tale]) -> datetime:
    """Return when the day began, in UTC, on which the first contract was sent: just after midnight, yesterday."""
    return min(tale.sent_at for tale in tales).replace(hour=0, minute=0, second=0, microsecond=0)


def _snapshots(base: dict[str, Any], twist: Twist, sent_at: datetime) -> list[dict[str, Any]]:
    first = {**base, "revision": 1, "stage": "quote_draft"}
    if twist == "draft":
        return [first]
    second = {**base, "revision": 2, "stage": "contract_sent"}
    if twist == "won_by_crm":
        closed_at = (sent_at + timedelta(minutes=2)).isoformat()
        return [first, {**base, "revision": 2, "stage": "closed_won", "closed_at": closed_at}]
    if twist == "closed_lost":
        return [first, second, {**base, "revision": 3, "stage": "closed_lost"}]
    if twist == "quote_changed":
        quote = {**base["quote"], "revision": 2, "total": str(Decimal(base["quote"]["total"]) + 100)}
        lines = [
            *quote["lines"],
            {**quote["lines"][0], "line_id": "late", "quantity": "1", "unit_price": "100.00"},
        ]
        lines[-1].pop("discount", None)
        return [
            first,
            second,
            {**base, "revision": 3, "stage": "contract_sent", "quote": {**quote, "lines": lines}},
        ]
    return [first, second]


def _quote(number: int, product: Product, twist: Twist, random: Random) -> dict[str, Any]:
    chosen = [product, *random.sample(PRODUCTS, random.randint(0, 2))]
    if twist == "product_unmapped":
        chosen.append(UNMAPPED_PRODUCT)
    lines, subtotal = [], Decimal(0)
    for place, (product_id, name, price, quantities) in enumerate(chosen, start=1):
        quantity = Decimal(random.choice(quantities))
        line: dict[str, Any] = {
            "line_id": str(place),
            "product_id": product_id,
            "sku": product_id.removeprefix("P-"),
            "name": name,
            "quantity": str(quantity),
            "unit_price": price,
            "taxable": product_id in {"P-SEAT", "P-API"},
        }
        amount = quantity * Decimal(price)
        if random.random() < 0.3:  # noqa: PLR2004 - a discount now and then
            line["discount"] = {"percent": "10"}
            amount *= Decimal("0.9")
        lines.append(line)
        subtotal += amount
    quote: dict[str, Any] = {
        "quote_id": f"Q-{number:03}",
        "revision": 1,
        "tax_mode": "exclusive",
        "lines": lines,
    }
    total = subtotal
    if subtotal > 500 and random.random() < 0.4:  # noqa: PLR2004 - a rebate on larger quotes
        quote["discount"] = {"amount": "50.00"}
        total -= 50
    if random.random() < 0.2:  # noqa: PLR2004 - some are shipped
        quote["shipping"] = "12.50"
        total += Decimal("12.50")
    return {**quote, "total": str(cents(total))}
