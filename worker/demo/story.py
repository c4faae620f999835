"""The deals of the demo: the sales of a small company in a quarter, with their complications."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from events.contract.values import cents
from worker.demo.market import ACCOUNTS, PRODUCTS, UNMAPPED_ACCOUNT, UNMAPPED_PRODUCT, US, Market, Product

Twist = Literal[
    "none",
    "won_by_crm",
    "signed_again",
    "signed_around",
    "not_signed",
    "declined",
    "voided",
    "closed_lost",
    "quote_changed",
    "no_quote",
    "account_unmapped",
    "product_unmapped",
    "foreign_currency",
    "no_tax_code",
    "draft",
    "won_before",
    "straddled",
    "edited_since",
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
# Complications around the cut-over.
OLD_TWISTS: tuple[Twist, ...] = ("signed_around", "won_before", "straddled", "edited_since")
# Complications whose result depends on contracts arriving after the snapshots.
IN_ORDER = frozenset({"quote_changed", "closed_lost", "signed_again", "straddled"})
TWIST_EVERY = 3
# The gates at which a deal with each complication may end; a deal with an invoice has none.
GATES: dict[Twist, tuple[str, ...]] = {
    "not_signed": ("contract_not_signed",),
    "declined": ("contract_declined",),
    "voided": ("contract_voided",),
    "closed_lost": ("deal_closed_lost",),
    "quote_changed": ("quote_differs_from_signed",),
    "no_quote": ("quote_missing",),
    "account_unmapped": ("account_not_mapped",),
    "product_unmapped": ("product_not_mapped",),
    "foreign_currency": ("currency_not_enabled", "customer_currency_differs"),
    "no_tax_code": ("tax_code_not_mapped",),
    "draft": ("not_won",),
    "won_before": ("won_before_cut_over",),
    "straddled": ("won_before_cut_over",),
    "edited_since": ("won_before_cut_over",),
}
SIGNED_AFTER = timedelta(minutes=2)


class StoryContract(Struct, frozen=True):
    """A contract that DocuSign sends, with the instants of its sending and of its last status."""

    envelope_id: str
    sent_at: datetime
    ended_at: datetime


class Tale(Struct, frozen=True):
    """One deal: its snapshots in order, its contracts, and its expected result.

    Attributes:
        written_at: When the CRM wrote each snapshot.
        contracts: The contracts in the order of sending; the last one counts.
        quote: The quote to invoice, as the CRM has it; None if there is no invoice.
        gates: The gates at which the deal may end; empty if it gets its invoice.
    """

    deal_id: str
    name: str
    account_id: str
    twist: Twist
    currency: str
    snapshots: tuple[dict[str, Any], ...]
    written_at: tuple[datetime, ...]
    contracts: tuple[StoryContract, ...]
    quote: dict[str, Any] | None
    gates: tuple[str, ...]

    @property
    def expects_invoice(self) -> bool:
        """Whether QuickBooks must have an invoice at the end."""
        return not self.gates

    @property
    def total(self) -> Decimal | None:
        """The signed total before tax."""
        return Decimal(self.quote["total"]) if self.quote else None

    @property
    def begins_at(self) -> datetime:
        """When the first contract was sent, or would have been."""
        return self.contracts[0].sent_at

    @property
    def ends_at(self) -> datetime:
        """The instant of the last snapshot or contract status."""
        return max(*self.written_at, *(contract.ended_at for contract in self.contracts))


def tales(count: int, random: Random, now: datetime, market: Market = US) -> list[Tale]:
    """Make `count` deals; every third has a twist."""
    return [tale(number, _twist(number), random, now, market) for number in range(1, count + 1)]


def _twist(number: int) -> Twist:
    if number % TWIST_EVERY:
        return "none"
    return TWISTS[(number // TWIST_EVERY - 1) % len(TWISTS)]


def tale(
    number: int,
    twist: Twist,
    random: Random,
    now: datetime,
    market: Market = US,
    cut_over: datetime | None = None,
    minutes_ago: tuple[int, int] = (3, 12),
) -> Tale:
    """Make one deal.

    Args:
        number: The number in its ID.
        twist: Its complication.
        random: The randomness of everything else.
        now: The current instant.
        market: Its accounts and products.
        cut_over: The cut-over; needed by the twists around it.
        minutes_ago: The least and most minutes since its contract was sent.
    """
    account = len(ACCOUNTS) + 1 if twist == "account_unmapped" else random.randint(1, len(ACCOUNTS))
    product = random.choice(PRODUCTS)
    name = f"{(*ACCOUNTS, UNMAPPED_ACCOUNT)[account - 1].split(',')[0]}: {product[1].split(',')[0].lower()}"
    sent_at = now.astimezone(UTC) - timedelta(minutes=random.randint(*minutes_ago))
    quote = None if twist == "no_quote" else _quote(number, product, twist, random, market)
    foreign = twist == "foreign_currency"
    base: dict[str, Any] = {
        "deal_id": f"D-{number:03}",
        "account_id": f"A-{account:02}",
        "name": name,
        "currency": market.foreign_to(account) if foreign else market.currency_of(account),
        "owner": random.choice(("kim", "lee", "ana")) + "@coeffection.example",
        **({"po_number": f"PO-{random.randint(1000, 9999)}"} if random.random() < 0.5 else {}),  # noqa: PLR2004 - half of them
        **({"quote": quote} if quote else {}),
    }
    contracts = _contracts(twist, sent_at, random, cut_over)
    dated = list(_snapshots(base, twist, contracts, cut_over))
    if twist == "won_by_crm" and random.getrandbits(1):
        dated[-1][1].pop("closed_at")  # not every CRM says when
    return Tale(
        deal_id=base["deal_id"],
        name=name,
        account_id=base["account_id"],
        twist=twist,
        currency=base["currency"],
        snapshots=tuple(snapshot for _, snapshot in dated),
        written_at=tuple(instant for instant, _ in dated),
        contracts=contracts,
        quote=dated[-1][1].get("quote"),
        gates=GATES.get(twist, ()),
    )


def lines(tales: Sequence[Tale]) -> Iterator[dict[str, Any]]:
    """Return the lines of all quotes in the snapshots, including changed ones."""
    quotes = (snapshot.get("quote") or {} for tale in tales for snapshot in tale.snapshots)
    return (line for quote in quotes for line in quote.get("lines", ()))


def day_of_the_first(tales: Sequence[Tale]) -> datetime:
    """Return the beginning, in UTC, of the day on which the first contract was sent: just after midnight, yesterday."""
    first = min(tale.begins_at for tale in tales)
    return first.replace(hour=0, minute=0, second=0, microsecond=0)


def _contracts(
    twist: Twist, sent_at: datetime, random: Random, cut_over: datetime | None
) -> tuple[StoryContract, ...]:
    def contract(sent: datetime, ended: datetime) -> StoryContract:
        return StoryContract(str(UUID(int=random.getrandbits(128), version=4)), sent, ended)

    if twist == "signed_again":
        before = sent_at - timedelta(minutes=20)
        return contract(before, before + SIGNED_AFTER), contract(sent_at, sent_at + SIGNED_AFTER)
    if cut_over is not None and twist == "signed_around":
        return (contract(cut_over - timedelta(hours=3), sent_at + SIGNED_AFTER),)
    if cut_over is not None and twist in OLD_TWISTS:
        # One is signed long after the CRM closed the deal.
        signed_at = sent_at if twist == "straddled" else cut_over - timedelta(hours=1)
        return (contract(cut_over - timedelta(hours=3), signed_at),)
    return (contract(sent_at, sent_at + SIGNED_AFTER),)


def _snapshots(
    base: dict[str, Any], twist: Twist, contracts: Sequence[StoryContract], cut_over: datetime | None
) -> Sequence[tuple[datetime, dict[str, Any]]]:
    """Return the snapshots of a deal, each with when the CRM wrote it."""
    sent_at, ended_at = contracts[0].sent_at, contracts[-1].ended_at
    first = (sent_at - timedelta(hours=1), {**base, "revision": 1, "stage": "quote_draft"})
    second = (sent_at + timedelta(seconds=5), {**base, "revision": 2, "stage": "contract_sent"})
    dated = [first] if twist in {"draft", "won_by_crm"} else [first, second]
    if twist == "won_by_crm":
        dated.append((ended_at, _closed(base, 2, ended_at)))
    elif twist == "closed_lost":
        dated.append((ended_at + timedelta(minutes=1), {**base, "revision": 3, "stage": "closed_lost"}))
    elif twist == "quote_changed":
        dated.append((sent_at + timedelta(minutes=1), _with_another_line(base, 3)))
    elif twist == "signed_again":
        dated.append((contracts[-1].sent_at - timedelta(seconds=30), _with_another_line(base, 3)))
    elif twist in {"straddled", "edited_since"} and cut_over is not None:
        closed_at = cut_over - timedelta(minutes=30)
        dated.append((closed_at, _closed(base, 3, closed_at)))
        if twist == "edited_since":
            edited = {**_closed(base, 4, closed_at), "owner": "new@coeffection.example"}
            dated.append((cut_over + timedelta(hours=1), edited))
    return dated


def _closed(base: dict[str, Any], revision: int, closed_at: datetime) -> dict[str, Any]:
    return {**base, "revision": revision, "stage": "closed_won", "closed_at": closed_at.isoformat()}


def _with_another_line(base: dict[str, Any], revision: int) -> dict[str, Any]:
    quote = base["quote"]
    more = 100 - Decimal(quote.get("discount", {}).get("percent", 0))
    quote = {**quote, "revision": 2, "total": str(Decimal(quote["total"]) + more)}
    another = {**quote["lines"][0], "line_id": "late", "quantity": "1", "unit_price": "100.00"}
    another.pop("discount", None)
    quote = {**quote, "lines": [*quote["lines"], another]}
    return {**base, "revision": revision, "stage": "contract_sent", "quote": quote}


def _quote(number: int, product: Product, twist: Twist, random: Random, market: Market) -> dict[str, Any]:
    chosen = [product, *random.sample(PRODUCTS, random.randint(0, 2))]
    if twist == "product_unmapped":
        chosen.append(UNMAPPED_PRODUCT)
    lines, subtotal = [], Decimal(0)
    for place, of_line in enumerate(chosen, start=1):
        line, amount = _line(place, of_line, random, market)
        lines.append(line)
        subtotal += amount
    if twist == "no_tax_code":
        lines[-1].pop("tax_code", None)
    quote: dict[str, Any] = {
        "quote_id": f"Q-{number:03}",
        "revision": 1,
        "tax_mode": "exclusive" if twist == "no_tax_code" else random.choice(market.tax_modes),
        "lines": lines,
    }
    total = subtotal
    if subtotal > 500 and random.random() < 0.4:  # noqa: PLR2004 - a rebate on larger quotes
        rebate = random.choice(({"amount": "50.00"}, {"percent": "5"}))
        quote["discount"] = rebate
        total -= Decimal(50) if "amount" in rebate else total / 20
    if random.random() < 0.2:  # noqa: PLR2004 - some are shipped
        quote["shipping"] = "12.50"
        total += Decimal("12.50")
    return {**quote, "total": str(cents(total))}


def _line(place: int, product: Product, random: Random, market: Market) -> tuple[dict[str, Any], Decimal]:
    """Return a line of a quote, and its exact amount."""
    product_id, name, price, quantities = product
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
    if market.tax_codes:
        line["tax_code"] = random.choice(market.tax_codes)
    if product_id in {"P-TRN", "P-INT"}:
        line |= {"description": "On site", "service_date": "2026-05-18"}
    amount = quantity * Decimal(price)
    if random.random() < 0.3:  # noqa: PLR2004 - a discount now and then
        line["discount"] = {"percent": "10"}
        amount *= Decimal("0.9")
    return line, amount
