"""The companies that a seed plays with: what kind each is, what its admin chose, what it sells and where."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from events.clock import Clock
from worker.demo.market import US, Market
from worker.sandbox import lists
from worker.sandbox.oauth import Lifetimes
from worker.sandbox.seeds import KINDS
from worker.sandbox.service import Sandbox

# Tokens live for minutes here, so that a seed sees them expire and change.
LIFETIMES = Lifetimes(access_seconds=420, rotate_after_seconds=60)
INCOME_ACCOUNT = "Services"
TERMS = (None, "Net 15", "Net 30", "Due on receipt")
MEMOS = (
    "Deal {deal_id}: {deal_name}",
    "Deal {deal_id}",
    "{po_number} {deal_name} [signed]",
    "{deal_name} " * 200,  # far too long
)
# Those far ahead of UTC and far behind it: where the day is another for most of the time.
TIME_ZONES = (None, "America/Los_Angeles", "Asia/Tokyo", "Europe/London", "Pacific/Auckland")
_CURRENCIES = ("EUR", "GBP", "USD")
_TAX_CODES = {
    "uk": ("20.0% S", "5.0% R", "0.0% Z", "Exempt"),
    "ca": ("GST", "HST ON", "HST NS", "Zero-rated"),
}
# By the company's clock: at midday, when the day of UTC is another, and just before midnight.
_TIMES = ((12, 0, 0), (20, 30, 0), (0, 40, 0), (23, 58, 30))
_DAYS = ((2026, 5, 5), (2026, 5, 31), (2026, 12, 31))
# The cut-over, counted back from the beginning; none is when invoicing was switched on.
_CUT_OVER_AGO = (timedelta(days=60), timedelta(days=60), timedelta(days=1), None)


class CompanyPlan(Struct, frozen=True):
    """A workspace and its company.

    Attributes:
        kind: Of the sandbox's.
        traits: What is otherwise with this one.
        settings: What its admin chose before the first deal.
        market: What it sells where.
        cut_over_ago: How long before the beginning the cut-over is; None where it is when invoicing is switched on.
    """

    kind: str
    traits: dict[str, Any]
    settings: dict[str, str]
    market: Market
    cut_over_ago: timedelta | None

    def cut_over(self, start: datetime) -> datetime:
        """Return an instant from which on invoices are made, and before which none are."""
        return start - (self.cut_over_ago or timedelta(hours=1))

    def chosen(self, start: datetime) -> dict[str, str]:
        """Return all that its admin chooses."""
        common = {"auto_invoice": "true", "income_account": INCOME_ACCOUNT, **self.settings}
        if self.cut_over_ago is None:
            return common
        return {**common, "cut_over": self.cut_over(start).isoformat()}

    def start(self, random: Random) -> datetime:
        """Draw an instant that matters by its clock."""
        zone = ZoneInfo(self.settings.get("time_zone") or KINDS[self.kind].time_zone)
        return datetime(*random.choice(_DAYS), *random.choice(_TIMES), tzinfo=zone).astimezone(UTC)


def plain(kind: str) -> CompanyPlan:
    """Return a company of which nothing is special."""
    return CompanyPlan(kind, {}, {"memo": MEMOS[0]}, US, _CUT_OVER_AGO[0])


def draw(random: Random) -> CompanyPlan:
    """Draw a company."""
    kind = random.choice(tuple(KINDS))
    country, home = KINDS[kind].country, KINDS[kind].home_currency
    multicurrency = random.random() < 0.4  # noqa: PLR2004 - some
    traits = {"multicurrency": multicurrency, "custom_transaction_numbers": random.random() < 0.3}  # noqa: PLR2004 - some
    others = tuple(currency for currency in _CURRENCIES if currency != home)
    market = Market(
        country=country,
        currencies=(home, *others) if multicurrency else (home,),
        tax_codes=_TAX_CODES.get(kind, ()),
        tax_modes=("exclusive", "exclusive", "none"),
    )
    chosen = {
        "terms": random.choice(TERMS),
        "time_zone": random.choice(TIME_ZONES),
        "memo": random.choice((None, *MEMOS)),
        "invoice_requires_signature": random.choice((None, None, "true")),
    }
    settings = {name: value for name, value in chosen.items() if value is not None}
    return CompanyPlan(kind, traits, settings, market, random.choice(_CUT_OVER_AGO))


def opened(plans: Mapping[str, CompanyPlan], clock: Clock, seed: int, *, others: bool) -> Sandbox:
    """Open the companies of workspaces, and as many others that have customers and items by the same ids."""
    kinds = [plan.kind for plan in plans.values()]
    sandbox = Sandbox(clock, kinds=kinds * 2 if others else kinds, seed=seed, lifetimes=LIFETIMES)
    for realm, plan in zip(list(sandbox.companies), plans.values(), strict=False):
        if plan.traits:
            sandbox.change_traits(realm, plan.traits)
        for currency in plan.market.currencies[1:]:
            abroad = {"DisplayName": f"Somebody abroad ({currency})", "CurrencyRef": {"value": currency}}
            lists.create(sandbox.companies[realm], "Customer", abroad, clock.now())
    return sandbox
