"""Read the company: its name and preferences, its terms, tax codes and income accounts."""

from datetime import datetime

from msgspec import Struct

from events.contract import catalog
from events.contract.quickbooks import CompanyObserved, Named
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, reference
from worker.commands.kinds.kind import Reading
from worker.geography.countries import country_code
from worker.geography.time_zones import zone_of
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.queries import Condition


class _Answers(Struct, frozen=True):
    company: Entity
    preferences: Entity
    terms: list[Entity]
    tax_codes: list[Entity]
    income_accounts: list[Entity]


async def _ask(client: QuickBooksClient, command: Claimed) -> _Answers:
    realm = command.realm
    return _Answers(
        company=await client.company_info(realm),
        preferences=await client.preferences(realm),
        terms=await _all(client, realm, "Term"),
        tax_codes=await _all(client, realm, "TaxCode"),
        income_accounts=await _all(client, realm, "Account", ("AccountType", "=", "Income")),
    )


async def _all(client: QuickBooksClient, realm: str, entity: str, *where: Condition) -> list[Entity]:
    return [row async for page in client.query_pages(realm, entity, where) for row in page]


def _observed(command: Claimed, answers: _Answers, now: datetime) -> CompanyObserved:
    return company_observed(
        command.realm,
        answers.company,
        answers.preferences,
        terms=_named(answers.terms),
        tax_codes=_named(answers.tax_codes),
        income_accounts=_named(answers.income_accounts),
        now=now,
    )


def company_observed(
    realm: str,
    company: Entity,
    preferences: Entity,
    *,
    terms: tuple[Named, ...],
    tax_codes: tuple[Named, ...],
    income_accounts: tuple[Named, ...],
    now: datetime,
) -> CompanyObserved:
    """Return the fact about a company, from its `CompanyInfo`, its `Preferences` and its active lists."""
    currency = preferences.get("CurrencyPrefs", {})
    country = str(company.get("Country") or "US")
    found = zone_of(company, now)
    return CompanyObserved(
        realm=realm,
        company_name=company.get("CompanyName") or realm,
        country=country_code(country) or country,
        home_currency=reference(currency, "HomeCurrency") or "USD",
        multicurrency=bool(currency.get("MultiCurrencyEnabled")),
        custom_transaction_numbers=bool(preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers")),
        terms=terms,
        tax_codes=tax_codes,
        income_accounts=income_accounts,
        time_zone=found.zone,
        time_zone_reason=found.reason,
    )


def _named(entities: list[Entity]) -> tuple[Named, ...]:
    return tuple(Named(entity["Id"], entity["Name"]) for entity in entities)


KIND = Reading(
    name="read_company",
    stream="workspace",
    event=catalog.COMPANY_OBSERVED,
    label="the company",
    ask=_ask,
    fact=_observed,
)
