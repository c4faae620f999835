"""Exchange rates: each day has the market's, unless somebody sets another one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books import exchange, plans
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Entity, Operation
from worker.sandbox.schema.common import described
from worker.sandbox.schema.currencies import CURRENCIES
from worker.sandbox.schema.kinds import Day, Fields, Number, Property, Text


def answered(_: Operation, shown: Fields) -> Fields:
    """Answer with a rate, which has no Id: its currency and its day say which it is."""
    meta = {"LastUpdatedTime": shown["MetaData"]["LastUpdatedTime"]}
    return {name: value for name, value in shown.items() if name != "Id"} | {"MetaData": meta}


EXCHANGE_RATE = Entity(
    name="ExchangeRate",
    properties=described(
        Property("SourceCurrencyCode", Text(3), filterable=True),
        Property("TargetCurrencyCode", Text(3), filterable=True),
        Property("Rate", Number(0), filterable=True),
        Property("AsOfDate", Day(), filterable=True),
    ),
    ids="ExchangeRate",
    operations=frozenset({"read", "update", "query"}),
    answered=answered,
)


def read(company: Company, asked: Mapping[str, str], act: Act) -> Fields:
    """Return the rate that a request asks for: of a currency on a day, by default today.

    Raises:
        Fault: 2020 without a currency, 2500 for an unknown one, 5020 or 5030 without several currencies.
    """
    _check(company)
    currency = _currency(asked.get("sourcecurrencycode"))
    day = _day(company, asked.get("asofdate"), act)
    chosen = company.get(EXCHANGE_RATE.name, exchange.key(currency, day))
    fields = chosen or {
        **_fields(company, currency, day),
        "Rate": exchange.rate(company, currency, day),
        "SyncToken": "0",
        "MetaData": {"LastUpdatedTime": company.instant(act.at)},
    }
    return company.answer(EXCHANGE_RATE, fields, "read")


def write(company: Company, data: Mapping[str, Any], act: Act) -> Fields:
    """Set the rate of a currency for a day; documents of that day that are written later have it.

    Raises:
        Fault: As `read`; 2020 without a rate, 5010 if it has changed since it was read.
    """
    _check(company)
    given, _ = EXCHANGE_RATE.properties.given(data)
    currency = _currency(given.get("SourceCurrencyCode"))
    home = company.traits.home_currency
    if given.get("TargetCurrencyCode", home) != home:
        raise faults.invalid_reference("Currency", given["TargetCurrencyCode"])
    if not given.get("Rate"):
        raise faults.required("Rate")
    day = _day(company, given.get("AsOfDate"), act)
    fields = {**_fields(company, currency, day), "Rate": given["Rate"]}
    identifier = exchange.key(currency, day)
    before = company.get(EXCHANGE_RATE.name, identifier)
    token = before["SyncToken"] if before else "0"
    if str(data.get("SyncToken", token)) != token:
        raise faults.stale()
    if before is None:
        stored = company.store(EXCHANGE_RATE.name, fields, act, identifier)
    else:
        stored = company.replace(EXCHANGE_RATE.name, before, fields, act)
    return company.answer(EXCHANGE_RATE, stored, "update")


def _check(company: Company) -> None:
    plans.check_entity(company.traits, EXCHANGE_RATE.name)
    if not company.traits.multicurrency:
        raise faults.not_switched_on("Multicurrency")


def _currency(code: str | None) -> str:
    if not code:
        raise faults.required("SourceCurrencyCode")
    if code.upper() not in CURRENCIES:
        raise faults.invalid_reference("Currency", code)
    return code.upper()


def _day(company: Company, day: str | None, act: Act) -> date:
    return date.fromisoformat(Day().read(day, "AsOfDate")) if day else company.today(act.at)


def _fields(company: Company, currency: str, day: date) -> Fields:
    return {
        "SourceCurrencyCode": currency,
        "TargetCurrencyCode": company.traits.home_currency,
        "AsOfDate": day.isoformat(),
    }
