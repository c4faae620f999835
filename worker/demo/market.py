"""The accounts and products of the demo's deals, for companies in several countries."""

from typing import Any

from msgspec import Struct

Product = tuple[str, str, str, tuple[str, ...]]


class Market(Struct, frozen=True):
    """The common data of a company's deals.

    Attributes:
        country: The country of its customers.
        currencies: The currencies of its deals, its home currency first; each account has one of them.
        tax_codes: The names of its lines' tax codes, if each line needs one.
        tax_modes: The tax modes of its quotes.
    """

    country: str = "US"
    currencies: tuple[str, ...] = ("USD",)
    tax_codes: tuple[str, ...] = ()
    tax_modes: tuple[str, ...] = ("exclusive",)

    def currency_of(self, account: int) -> str:
        """Return the currency of an account by its number."""
        return self.currencies[account % len(self.currencies)]

    def foreign_to(self, account: int) -> str:
        """Return a currency that an account is not billed in."""
        return "CHF" if len(self.currencies) == 1 else self.currencies[(account + 1) % len(self.currencies)]


US = Market()
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
# The sales tax of companies with automated taxes depends on the state.
_TOWNS = {
    "US": (
        ("Portland", "OR", "97205"),
        ("Oakland", "CA", "94607"),
        ("Albany", "NY", "12207"),
        ("Austin", "TX", "78701"),
        ("Tacoma", "WA", "98402"),
    ),
    "GB": (("Bristol", "Avon", "BS1 4ST"), ("Leeds", "West Yorkshire", "LS1 4AP")),
    "CA": (("Toronto", "ON", "M5H 2N2"), ("Halifax", "NS", "B3J 1S9")),
}


def accounts(market: Market = US) -> list[dict[str, Any]]:
    """Return the accounts as the CRM sends them."""
    return [
        _account(place, name, market) for place, name in enumerate((*ACCOUNTS, UNMAPPED_ACCOUNT), start=1)
    ]


def revisions(account: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Return the CRM's snapshots of an account: earlier revisions, then the current one."""
    before = [
        {
            **account,
            "revision": revision,
            "name": f"{account['name']} (formerly {revision})",
            "email": f"old{revision}@former.example",
            "billing_address": {**account["billing_address"], "line1": f"{revision} Former Street"},
        }
        for revision in range(1, count)
    ]
    return [*before, {**account, "revision": count}]


def _account(place: int, name: str, market: Market) -> dict[str, Any]:
    towns = _TOWNS[market.country]
    city, region, postal_code = towns[place % len(towns)]
    address = {"city": city, "region": region, "postal_code": postal_code, "country": market.country}
    return {
        "account_id": f"A-{place:02}",
        "revision": 1,
        "name": name,
        "email": f"accounts@{''.join(c for c in name.lower() if c.isascii() and c.isalpha())}.example",
        "phone": f"+1 503 555 01{place:02}",
        "billing_address": {"line1": f"{place * 7} Main Street", **address},
        **({"shipping_address": {"line1": f"Dock {place}", **address}} if place % 4 == 0 else {}),
        "currency": market.currency_of(place),
    }
