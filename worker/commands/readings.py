"""Reading QuickBooks for decisions: a company, a customer or an item, as events that say what it is like."""

from datetime import datetime

from events.clock import Clock
from events.contract import catalog
from events.contract.envelope import Event, own_event
from events.contract.quickbooks import CompanyObserved, CustomerObserved, ItemObserved, Named, ReadingFailed
from worker.commands import outcomes, transitions
from worker.commands.claims import Claimed
from worker.commands.outcomes import Entity
from worker.commands.transitions import Transition
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OBJECT_NOT_FOUND, QuickBooksError, Rejected
from worker.sync.countries import country_code
from worker.sync.time_zones import zone_of

TOLD_FROM_ATTEMPT = 4


async def read(client: QuickBooksClient, command: Claimed, clock: Clock) -> Event:
    """Read what a command names; that QuickBooks does not have it is an answer, too.

    Raises:
        QuickBooksError: There was no answer, or one that says nothing about it.
    """
    if command.key.kind == "read_company":
        return await _company(client, command, clock)
    _, _, object_id = command.key.subject.split("/", 2)
    entity = await _one(client, command.realm, _ENTITY[command.key.kind], object_id)
    with outcomes.understood(f"{_ENTITY[command.key.kind]} {object_id}"):
        if command.key.kind == "read_customer":
            customer = _customer(command, object_id, entity)
            return outcomes.event_of(command, catalog.CUSTOMER_OBSERVED, customer, clock.now())
        item = _item(command, object_id, entity)
        return outcomes.event_of(command, catalog.ITEM_OBSERVED, item, clock.now())


def again(command: Claimed, error: QuickBooksError, at: datetime, now: datetime) -> Transition:
    """Give a reading back to be tried again then, and say in the log that it failed, ever more seldom.

    A refusal is told at once, since it may last; anything else, once it has failed a few times.
    """
    refused = isinstance(error, Rejected)
    is_told = command.attempts.bit_count() == 1 and (refused or command.attempts >= TOLD_FROM_ATTEMPT)
    message = error.explanation if isinstance(error, Rejected) else str(error)
    event = _failed(command, message, now) if is_told else None
    return transitions.not_sent(command, at, message, now, look_ups=command.look_ups + 1, event=event)


async def _company(client: QuickBooksClient, command: Claimed, clock: Clock) -> Event:
    company = await client.company_info(command.realm)
    preferences = await client.preferences(command.realm)
    lists = {
        "Term": await _all(client, command.realm, "Term", []),
        "TaxCode": await _all(client, command.realm, "TaxCode", []),
        "Account": await _all(client, command.realm, "Account", [("AccountType", "=", "Income")]),
    }
    with outcomes.understood("the company"):
        return _observed(command, company, preferences, lists, clock.now())


def _observed(
    command: Claimed, company: Entity, preferences: Entity, lists: dict[str, list[Entity]], now: datetime
) -> Event:
    """Say what a company is like."""
    currency = preferences.get("CurrencyPrefs", {})
    country = str(company.get("Country") or "US")
    found = zone_of(company, now)
    fact = CompanyObserved(
        realm=command.realm,
        company_name=company.get("CompanyName") or command.realm,
        country=country_code(country) or country,
        home_currency=outcomes.reference(currency, "HomeCurrency") or "USD",
        multicurrency=bool(currency.get("MultiCurrencyEnabled")),
        custom_transaction_numbers=bool(preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers")),
        terms=_named(lists["Term"]),
        tax_codes=_named(lists["TaxCode"]),
        income_accounts=_named(lists["Account"]),
        time_zone=found.zone,
        time_zone_reason=found.reason,
    )
    return outcomes.event_of(command, catalog.COMPANY_OBSERVED, fact, now)


async def _all(
    client: QuickBooksClient, realm: str, entity: str, where: list[tuple[str, str, str]]
) -> list[Entity]:
    return [row async for page in client.query_pages(realm, entity, where) for row in page]


async def _one(client: QuickBooksClient, realm: str, entity: str, object_id: str) -> Entity | None:
    try:
        return await client.read(realm, entity, object_id)
    except Rejected as error:
        if error.code != OBJECT_NOT_FOUND:
            raise
        return None


def _customer(command: Claimed, customer_id: str, entity: Entity | None) -> CustomerObserved:
    reading = command.key.generation
    if entity is None:
        return CustomerObserved(command.realm, customer_id, exists=False, reading=reading)
    return CustomerObserved(
        realm=command.realm,
        customer_id=customer_id,
        display_name=entity.get("DisplayName") or None,
        active=entity.get("Active") is not False,
        currency=outcomes.reference(entity, "CurrencyRef"),
        reading=reading,
    )


def _item(command: Claimed, item_id: str, entity: Entity | None) -> ItemObserved:
    reading = command.key.generation
    if entity is None:
        return ItemObserved(command.realm, item_id, exists=False, reading=reading)
    return ItemObserved(
        realm=command.realm,
        item_id=item_id,
        name=entity.get("Name") or None,
        type=entity.get("Type") or None,
        active=entity.get("Active") is not False,
        reading=reading,
    )


def _failed(command: Claimed, message: str, now: datetime) -> Event:
    fact = ReadingFailed(command.realm, command.key.kind, command.key.subject, message)
    return own_event(
        catalog.READING_FAILED,
        fact,
        workspace=command.key.workspace,
        source=outcomes.SOURCE,
        time=now,
        id=f"{command.request_id}:reading.failed.v1:{command.attempts}",
    )


def _named(entities: list[Entity]) -> tuple[Named, ...]:
    return tuple(Named(entity["Id"], entity["Name"]) for entity in entities)


_ENTITY = {"read_customer": "Customer", "read_item": "Item"}
