"""The companies of a seed: their kinds, settings, products and markets."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from events.clock import Clock
from worker.demo.market import US, Market
from worker.sandbox import accountant
from worker.sandbox.failing.throttles import Limits
from worker.sandbox.oauth import Lifetimes
from worker.sandbox.openings.seeds import KINDS
from worker.sandbox.service import Sandbox
from worker.workspaces.kinds import CREATE, HOLD, HOURLY, REAL_TIME, default_item_of

# Tokens are valid for minutes here, so that they expire and rotate within a seed.
LIFETIMES = Lifetimes(access_seconds=420, rotate_after_seconds=60)
INCOME_ACCOUNT = "Services"
TERMS = (None, "Net 15", "Net 30", "Due on receipt")
MEMOS = (
    "Deal {deal_id}: {deal_name}",
    "Deal {deal_id}",
    "{po_number} {deal_name} [signed]",
    "{deal_name} " * 200,  # far too long
)
# Zones far ahead of UTC and far behind it, whose day usually differs from UTC's.
TIME_ZONES = (None, "America/Los_Angeles", "Asia/Tokyo", "Europe/London", "Pacific/Auckland")
_CURRENCIES = ("EUR", "GBP", "USD")
_TAX_CODES = {
    "uk": ("20.0% S", "5.0% R", "0.0% Z", "Exempt"),
    "ca": ("GST", "HST ON", "HST NS", "Zero-rated"),
}
# By the company's clock: at midday, when UTC has another day, and just before midnight.
_TIMES = ((12, 0, 0), (20, 30, 0), (0, 40, 0), (23, 58, 30))
_DAYS = ((2026, 5, 5), (2026, 5, 31), (2026, 12, 31))
_DAILY_AFTER_MINUTES = (1, 5)
# What becomes of products without an item; every company has the item 1.
UNMAPPED_PRODUCTS = (HOLD, HOLD, HOLD, CREATE, "default 1")
# How many seconds old the rows of QuickBooks' queries are.
_QUERY_LAGS = (0, 0, 0, 2, 10)
# The cut-over, counted back from the beginning; None: when invoicing was switched on.
_CUT_OVER_AGO = (timedelta(days=60), timedelta(days=60), timedelta(days=1), None)


class CompanyPlan(Struct, frozen=True):
    """A workspace and its company.

    Attributes:
        kind: The sandbox's kind of company.
        traits: Its differences from that kind.
        settings: The settings that its admin chose before the first deal.
        market: Its accounts and products.
        cut_over_ago: How long before the beginning the cut-over is; None if it is when invoicing is switched on.
    """

    kind: str
    traits: dict[str, Any]
    settings: dict[str, str]
    market: Market
    cut_over_ago: timedelta | None

    def cut_over(self, start: datetime) -> datetime:
        """Return the cut-over: deals won before it are not invoiced."""
        return start - (self.cut_over_ago or timedelta(hours=1))

    def chosen(self, start: datetime) -> dict[str, str]:
        """Return every setting that its admin chooses."""
        common = {"auto_invoice": "true", "income_account": INCOME_ACCOUNT, **self.settings}
        if self.cut_over_ago is None:
            return common
        return {**common, "cut_over": self.cut_over(start).isoformat()}

    @property
    def creates_items(self) -> bool:
        """Whether the items of unmapped products are created."""
        return self.settings.get("unmapped_product") == CREATE

    @property
    def default_item(self) -> str | None:
        """The item of unmapped products, if there is one."""
        return default_item_of(self.settings.get("unmapped_product", HOLD))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone by which its invoices are dated."""
        return ZoneInfo(self.settings.get("time_zone") or KINDS[self.kind].time_zone)

    def start(self, random: Random) -> datetime:
        """Draw an instant that matters by the company's clock."""
        return datetime(*random.choice(_DAYS), *random.choice(_TIMES), tzinfo=self.zone).astimezone(UTC)

    def synced(self, random: Random, start: datetime) -> "CompanyPlan":
        """Return the company with a drawn sync frequency; a daily sync is due soon after the beginning."""
        soon = start + timedelta(minutes=random.uniform(*_DAILY_AFTER_MINUTES))
        drawn = random.choice((*(REAL_TIME,) * 3, HOURLY, self.daily(soon)))
        return self if drawn == REAL_TIME else self.synced_at(drawn)

    def synced_at(self, frequency: str) -> "CompanyPlan":
        """Return the company with a sync frequency."""
        return self.choosing({"sync_frequency": frequency})

    def choosing(self, chosen: Mapping[str, str]) -> "CompanyPlan":
        """Return the company with chosen settings."""
        return replace(self, settings={**self.settings, **chosen})

    def daily(self, due: datetime) -> str:
        """Return the sync frequency by which a sync is due each day at the time of an instant."""
        return f"daily {due.astimezone(self.zone):%H:%M}"


def plain(kind: str) -> CompanyPlan:
    """Return a company of a kind, without differences."""
    return CompanyPlan(kind, {}, {"memo": MEMOS[0]}, US, _CUT_OVER_AGO[0])


def draw(random: Random, lags: Random) -> CompanyPlan:
    """Draw a company; the lag of its queries comes from `lags`."""
    kind = random.choice(tuple(KINDS))
    country, home = KINDS[kind].country, KINDS[kind].home_currency
    multicurrency = random.random() < 0.4  # noqa: PLR2004 - some
    traits = {
        "multicurrency": multicurrency,
        "custom_transaction_numbers": random.random() < 0.3,  # noqa: PLR2004 - some
        "query_lag_seconds": lags.choice(_QUERY_LAGS),
    }
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


def opened(
    plans: Mapping[str, CompanyPlan],
    clock: Clock,
    seed: int,
    *,
    others: bool,
    lifetimes: Lifetimes = LIFETIMES,
) -> Sandbox:
    """Open the companies of workspaces, and as many others with the same IDs for other customers and items."""
    kinds = [plan.kind for plan in plans.values()]
    sandbox = Sandbox(
        clock, kinds=kinds * 2 if others else kinds, seed=seed, lifetimes=lifetimes, limits=Limits()
    )
    for realm, plan in zip(list(sandbox.companies), plans.values(), strict=False):
        if plan.traits:
            sandbox.change_traits(realm, plan.traits)
        for currency in plan.market.currencies[1:]:
            abroad = {"DisplayName": f"Somebody abroad ({currency})", "CurrencyRef": {"value": currency}}
            accountant.create(sandbox.companies[realm], "Customer", abroad, clock.now())
    return sandbox
