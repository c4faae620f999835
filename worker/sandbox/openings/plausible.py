"""Plausible books: customers, items, and months of invoices, most of them paid. The same seed makes the same books."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from random import Random
from typing import Any

from msgspec import Struct

from worker.sandbox.books import writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.openings import words
from worker.sandbox.schema.kinds import Fields

_MONTH = timedelta(days=30)
# So many invoices a month at most, however many customers there are: they shall not take minutes.
_INVOICES_A_MONTH_MAX = 200
_PAID = 0.8
_DAYS_TO_PAYMENT = (3, 60)
_JOBS, _EMAILS, _TAXABLE = 0.04, 0.9, 0.7
_CENTS = 100
_PRICES = (500, 250_000)
_TERMS = ("1", "2", "3", "4")


class Amounts(Struct, frozen=True):
    """How much plausible books have: new customers and items, and the months of history before the present."""

    customers: int = 0
    items: int = 0
    months: int = 0


NO_BOOKS = Amounts()


def begin(now: datetime, months: int) -> datetime:
    """Return the instant at which a history of some months begins; the company is opened then."""
    return now - months * _MONTH


def fill(company: Company, amounts: Amounts, seed: int, now: datetime) -> None:
    """Fill a company's books.

    Customers and items come evenly over the months; each month has invoices for some of those who are there by then.

    Args:
        company: The company; nothing is dated before it was opened.
        amounts: How much is written.
        seed: The seed.
        now: The present.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose; nothing here guards anything
    opened = datetime.fromisoformat(company.objects["CompanyInfo"]["1"]["MetaData"]["CreateTime"])
    history = _History(company, random, max(opened.astimezone(now.tzinfo), begin(now, amounts.months)))
    customers = _customers(company, random, amounts.customers)
    items = _items(company, random, amounts.items)
    periods = max(amounts.months, 1)
    for month in range(periods):
        start = begin(now, amounts.months - month)
        history.advance(start)
        for _ in range(_share(amounts.items, month, periods)):
            history.add_item(next(items))
        for _ in range(_share(amounts.customers, month, periods)):
            history.add_customer(next(customers))
        if amounts.months:
            history.trade(start)
    history.advance(now)


class _History:
    """The events of a company over time, in their order."""

    def __init__(self, company: Company, random: Random, now: datetime) -> None:
        self._company = company
        self._random = random
        self._now = now
        self._due: list[tuple[datetime, int, Fields]] = []
        self._customers = [each["Id"] for each in company.objects["Customer"].values()]
        self._items = [each["Id"] for each in company.objects["Item"].values()]

    def advance(self, until: datetime) -> None:
        """Let time pass, in which invoices are paid."""
        while self._due and self._due[0][0] <= until:
            at, _, payment = heappop(self._due)
            self._now = max(self._now, at)
            self._make("Payment", payment)
        self._now = max(self._now, until)

    def add_item(self, fields: Fields) -> None:
        """Create an item."""
        self._items.append(self._make("Item", fields)["Id"])

    def add_customer(self, fields: Fields) -> None:
        """Create a customer, or sometimes a job of another customer."""
        above = self._random.choice(self._customers)
        if self._random.random() < _JOBS and "ParentRef" not in self._company.objects["Customer"][above]:
            fields = {**fields, "Job": True, "ParentRef": {"value": above}}
        self._customers.append(self._make("Customer", fields)["Id"])

    def trade(self, start: datetime) -> None:
        """Invoice some customers in the month that begins."""
        count = min(len(self._customers), _INVOICES_A_MONTH_MAX)
        billed = self._random.sample(self._customers, count)
        instants = sorted(start + self._random.random() * _MONTH for _ in billed)
        for at, customer in zip(instants, billed, strict=True):
            self.advance(at)
            self._expect_payment(at, self._make("Invoice", self._invoice(at, customer)))

    def _expect_payment(self, at: datetime, invoice: Fields) -> None:
        if self._random.random() >= _PAID or not invoice["TotalAmt"]:
            return
        link = {"TxnId": invoice["Id"], "TxnType": "Invoice"}
        due = at + timedelta(days=self._random.randint(*_DAYS_TO_PAYMENT))
        payment = {
            "CustomerRef": invoice["CustomerRef"],
            "CurrencyRef": invoice["CurrencyRef"],
            "TotalAmt": invoice["TotalAmt"],
            "TxnDate": self._company.today(due).isoformat(),
            "PaymentRefNum": str(self._random.randrange(10_000, 99_999)),
            "Line": [{"Amount": invoice["TotalAmt"], "LinkedTxn": [link]}],
        }
        heappush(self._due, (due, int(invoice["Id"]), payment))

    def _invoice(self, at: datetime, customer: str) -> Fields:
        lines = [self._line() for _ in range(self._random.randint(1, 4))]
        if self._company.traits.allow_discount and self._random.random() < _JOBS:
            detail = {"PercentBased": True, "DiscountPercent": Decimal(self._random.choice((5, 10)))}
            lines.append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
        currency = self._company.objects["Customer"][customer]["CurrencyRef"]
        return {
            "CustomerRef": {"value": customer},
            "TxnDate": self._company.today(at).isoformat(),
            "CurrencyRef": currency,
            "SalesTermRef": {"value": self._random.choice(_TERMS)},
            "Line": lines,
        }

    def _line(self) -> Fields:
        identifier = self._random.choice(self._items)
        item = self._company.objects["Item"][identifier]
        quantity = self._random.randint(1, 12)
        price = item.get("UnitPrice") or Decimal(_CENTS)
        detail = {"ItemRef": {"value": identifier}, "Qty": quantity, "UnitPrice": price}
        return {
            "DetailType": "SalesItemLineDetail",
            "Amount": quantity * price,
            "Description": item.get("Description") or item["Name"],
            "SalesItemLineDetail": {**detail, "TaxCodeRef": {"value": self._tax_code(item)}},
        }

    def _tax_code(self, item: Fields) -> str:
        if self._company.traits.country == "US":
            return "TAX" if item.get("Taxable") else "NON"
        return str(next(iter(self._company.objects["TaxCode"])))

    def _make(self, entity: str, fields: Fields) -> Fields:
        described = self._company.entities[entity]
        return writing.create(self._company, described, fields, Act(self._now))


def _share(total: int, part: int, parts: int) -> int:
    """Return one part of a number that is divided as evenly as it goes."""
    return total * (part + 1) // parts - total * part // parts


def _customers(company: Company, random: Random, count: int) -> Iterator[Fields]:
    """Yield new customers, each with a name of its own."""
    country = company.traits.country
    forms = words.FORMS.get(country, words.FORMS["US"])
    for place, trade, form, again in _combinations(random, count, words.PLACES, words.TRADES, forms):
        given, family = random.choice(words.GIVEN_NAMES), random.choice(words.FAMILY_NAMES)
        name = f"{place} {trade} {form}{again}"
        domain = f"{place}{trade}{again.strip()}.example".lower()
        mail = {"PrimaryEmailAddr": {"Address": f"{given}.{family}@{domain}".lower()}}
        yield {
            "DisplayName": name,
            "CompanyName": name,
            "GivenName": given,
            "FamilyName": family,
            "PrimaryPhone": {
                "FreeFormNumber": f"(555) 01{random.randrange(10)}-{random.randrange(10_000):04}"
            },
            "BillAddr": _address(random, country),
            "SalesTermRef": {"value": random.choice(_TERMS)},
            **(mail if random.random() < _EMAILS else {}),
        }


def _items(company: Company, random: Random, count: int) -> Iterator[Fields]:
    """Yield new items, each with a name of its own."""
    income = {"value": company.account("ServiceFeeIncome")["Id"]}
    combinations = _combinations(random, count, words.KINDS_OF_PRODUCTS, words.PRODUCTS, ("",))
    for place, (kind, product, _, again) in enumerate(combinations, start=1):
        name = f"{kind} {product}{again}"
        yield {
            "Name": name,
            "Sku": f"{product[:3].upper()}-{place:04}",
            "Description": f"{name}, as agreed",
            "Type": random.choice(("Service", "NonInventory")),
            "UnitPrice": Decimal(random.randrange(*_PRICES)) / _CENTS,
            "Taxable": random.random() < _TAXABLE,
            "IncomeAccountRef": income,
        }


def _combinations(
    random: Random, count: int, first: Sequence[str], second: Sequence[str], third: Sequence[str]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield different combinations of words; when all have been used, they come again with a number."""
    size = len(first) * len(second) * len(third)
    for round_ in range(-(-count // size)):
        again = f" {round_ + 1}" if round_ else ""
        for index in random.sample(range(size), min(size, count - round_ * size)):
            rest, last = divmod(index, len(third))
            place, middle = divmod(rest, len(second))
            yield first[place], second[middle], third[last], again


def _address(random: Random, country: str) -> dict[str, Any]:
    city, region, postal_code = random.choice(words.CITIES.get(country, words.CITIES["US"]))
    address = {
        "Line1": f"{random.randint(1, 400)} {random.choice(words.STREETS)}",
        "City": city,
        "CountrySubDivisionCode": region,
        "PostalCode": f"{postal_code}{random.randint(10, 99)}",
        "Country": country,
    }
    return {name: value for name, value in address.items() if value}
