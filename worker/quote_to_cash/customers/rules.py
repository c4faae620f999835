"""Link an account without a person if that is wanted; command a customer that a person requested, or that an account lacks."""

from collections.abc import Iterator

from events.contract import catalog, json
from events.contract.administration import AccountMapped
from events.contract.announcements import CustomerCommanded, CustomerLinked
from events.contract.crm import AccountUpdated
from events.contract.in_step import UpdatedField
from events.contract.quickbooks import CompanyObserved, CustomerCreated, CustomerObserved
from events.contract.reviewing import MappingLinked
from events.contract.unmatched import ACCOUNT_UNMATCHED
from events.contract.values import Percent
from worker.commands.identity import currency_number
from worker.quote_to_cash.attempt import next_generation
from worker.quote_to_cash.command import Command, Consequence, identified
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.body import customer_body
from worker.quote_to_cash.customers.brought import is_contradicted, link_brought
from worker.quote_to_cash.customers.folds import FOLDS
from worker.quote_to_cash.customers.holders import holders, name_being_created
from worker.quote_to_cash.customers.merges import accounts_of_merged, move_merged
from worker.quote_to_cash.customers.offers import is_offered
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.customers.unmapped import compare_at_once, is_created_now
from worker.quote_to_cash.customers.wishes import customer_is_wanted, new_currency, new_name
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.in_step.values import FIELDS, crm_value, fitted
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import percent_of


def consider(view: View, account_id: str) -> Iterator[Consequence]:
    """Move or make the link of an account without a person, command its customer, or compare it once more before that."""
    yield from move_merged(view, account_id)
    yield from link_brought(view, account_id)
    yield from _linked_by_itself(view, account_id)
    yield from _created(view, account_id)
    yield from compare_at_once(view, account_id)


def _linked_by_itself(view: View, account_id: str) -> Iterator[Consequence]:
    """Link an account to the suggested customer if the matcher is sure, and the score is at least that of the setting."""
    workspace = view.get(WorkspaceState)
    account = view.get(Account, account_id)
    suggested = account.in_review(workspace.realm)
    least = percent_of(workspace.settings.auto_link)
    if suggested is None or suggested.best is None or suggested.verdict != "link":
        return
    if account.requests > account.withdrawn:
        return  # a person requested a customer, and it was refused
    best = suggested.best
    evidence = suggested.evidence(best.customer_id)
    if least is None or evidence is None or best.score < least or is_contradicted(account, workspace.realm):
        return
    if any(holders(view, account_id, best.customer_id, suggested.realm, None)):
        return  # a person decides whether the account is another one's double
    if view.waiting(name_being_created(suggested.realm, best.display_name)):
        return  # the suggested customer may be the one that is being created for another account
    if is_offered(view, suggested.realm, best.customer_id):
        return  # the CRM may be creating another account for the customer
    yield MappingLinked(account_id, suggested.realm, best.customer_id, Percent(least), evidence)
    yield CustomerLinked(account_id, best.customer_id, suggested.realm)


def consider_unmatched(view: View, account_id: str) -> Iterator[Consequence]:
    """Command the customer of an account that no customer is like, once that was found again; else consider it as always."""
    if is_created_now(view, account_id):
        yield from _create(view, account_id)
    yield from consider(view, account_id)


def _created(view: View, account_id: str) -> Iterator[Consequence]:
    company = view.get(WorkspaceState).company
    if company is not None and customer_is_wanted(view, account_id, company):
        yield from _create(view, account_id)


def _create(view: View, account_id: str) -> Iterator[Consequence]:
    account, workspace = view.get(Account, account_id), view.get(WorkspaceState)
    realm, company = workspace.realm, workspace.company
    if account.latest is None or realm is None or company is None or not workspace.is_connected:
        return
    generation = next_generation(account.attempt)
    currency = new_currency(view, account_id, company, account.wish.currency if account.wish else None)
    part = 0 if currency in (None, company.home_currency) else currency_number(currency)
    subject = f"account/{account_id}"
    key, request = identified(view, "create_customer", realm, subject, part=part, generation=generation)
    name = new_name(account, realm, currency)
    composed = customer_body(account.latest, request, name=name, currency=currency)
    yield CustomerCommanded(
        account_id,
        generation,
        realm,
        request,
        composed.body["DisplayName"],
        account.requests,
        composed.notes,
        _sent_fields(account.latest, company, currency),
    )
    yield Command(key, realm, request, json.encode_numbers(composed.body))


def _sent_fields(
    account: AccountUpdated, company: CompanyObserved, currency: str | None
) -> tuple[UpdatedField, ...]:
    """Return the fields that a new customer gets from the account; an account without a currency has the company's."""
    home, new = company.home_currency, CustomerObserved(company.realm, "new")
    texts = (
        UpdatedField(name, crm_value(account, name), fitted(account, name, new).value) for name in FIELDS
    )
    return (*texts, UpdatedField("currency", account.currency or home, currency or home))


def _linked(view: View, linked: CustomerCreated | AccountMapped) -> Iterator[Consequence]:
    """Announce the account's customer to the CRM, unless a person has decided otherwise since it was commanded."""
    realm = linked.realm or view.get(WorkspaceState).realm
    links = view.get(Account, linked.account_id).links
    if any((link.realm, link.customer_id) == (realm, linked.customer_id) for link in links):
        yield CustomerLinked(linked.account_id, linked.customer_id, realm, linked.currency)


def _customer_of(view: View, linked: CustomerCreated | AccountMapped) -> list[str]:
    realm = linked.realm or view.get(WorkspaceState).realm
    return [catalog.customer_stream(realm, linked.customer_id)] if realm else []


def _customers(view: View, account_id: str) -> list[str]:
    """Return the customers of an account, which may be merged, and those that it may be linked to without a person."""
    account = view.get(Account, account_id)
    linked = [
        catalog.customer_stream(each.realm, each.customer_id) for each in account.links_in(None) if each.realm
    ]
    brought = [catalog.customer_stream(each.realm, each.customer_id) for each in account.brought]
    suggested = account.suggested
    best = suggested.best if suggested is not None else None
    return [
        *linked,
        *brought,
        *([catalog.customer_stream(suggested.realm, best.customer_id)] if suggested and best else []),
    ]


_LINKING = (catalog.CUSTOMER_CREATED, catalog.ACCOUNT_MAPPED)
FAMILY = Family(
    "account",
    FOLDS,
    consider,
    {ACCOUNT_UNMATCHED: consider_unmatched},
    follows=dict.fromkeys(_LINKING, _linked),
    changed_by={**dict.fromkeys(_LINKING, _customer_of), catalog.OBJECT_MERGED: accounts_of_merged},
    reads=(_customers,),
)
