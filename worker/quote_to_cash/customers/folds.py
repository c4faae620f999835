"""Fold accounts and their customers, which a person mapped or a command of ours created."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import AccountMapped, ConnectionAuthorized, CustomerRequested
from events.contract.announcements import CustomerCommanded
from events.contract.crm import AccountUpdated, BroughtCustomer
from events.contract.matching import MAPPING_SUGGESTED, MappingSuggested
from events.contract.quickbooks import CommandRejected, CommandUncertain, CustomerCreated, CustomerObserved
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    BROUGHT_REFUSED,
    MAPPING_BROUGHT,
    MAPPING_LINKED,
    MAPPING_MOVED,
    MAPPING_REJECTED,
    AccountIgnored,
    AccountUnignored,
    BroughtRefused,
    MappingBrought,
    MappingLinked,
    MappingMoved,
    MappingRejected,
)
from events.contract.unmatched import (
    ACCOUNT_UNMATCHED,
    COMPARISON_REQUESTED,
    AccountUnmatched,
    ComparisonRequested,
)
from worker.quote_to_cash.attempt import Attempt, ended, succeeded
from worker.quote_to_cash.company.folds import remember_before, taken_before
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import before_connecting, name_being_created
from worker.quote_to_cash.customers.state import Account, Link
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.keys import COMPANY, CREATING, of_setting
from worker.quote_to_cash.readings.folds import call_its_own, make_known, put, want
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.view import View

SENT_MAX = 4  # an account gets one customer for each currency
LINKING = tuple(map(of_setting, ("auto_link", "unmapped_customer", "customer_sync")))


def put_account(view: View, account_id: str, account: Account) -> None:
    """Replace the state of an account, and the keys that it waits on."""
    view.put(account, account_id)
    # Derived from the state each time, so that replaying the log gives the same keys as the decisions did.
    rules = (_company, _auto_link, _creating, _created_name, _before_connecting)
    view.set_waits(f"account/{account_id}", tuple(key for rule in rules for key in rule(account)))


def _created_name(account: Account) -> tuple[str, ...]:
    attempt, name = account.attempt, account.commanded
    if attempt is None or name is None or not attempt.is_open:
        return ()
    return (name_being_created(attempt.realm, name),)


def _before_connecting(account: Account) -> tuple[str, ...]:
    return tuple(before_connecting(link.customer_id) for link in account.links if link.realm is None)


def _company(account: Account) -> tuple[str, ...]:
    """Return the company if it is waited for: by a request, or by a customer that the CRM brought and that is undecided."""
    linked = {(link.realm, link.customer_id) for link in (*account.links, *account.automatic)}
    linked |= {(each.realm, each.customer_id) for each in account.moved}
    undecided = any(
        (each.realm, each.customer_id) not in linked and account.refusal_of(each) is None
        for each in account.brought
    )
    return (COMPANY,) if account.is_unanswered or undecided else ()


def _auto_link(account: Account) -> tuple[str, ...]:
    """Return the settings that may link an account, once they are changed: an offered customer is not linked meanwhile."""
    suggested = account.suggested
    waits = (
        suggested is not None
        and suggested.verdict == "link"
        and account.in_review(suggested.realm) is not None
    )
    return LINKING if waits else ()


def _creating(account: Account) -> tuple[str, ...]:
    """Return the rule for unmapped accounts: once it is changed, the account's customer may be created."""
    attempt = account.attempt
    was_tried = (
        attempt is not None and account.suggested is not None and attempt.realm == account.suggested.realm
    )
    return (CREATING,) if account.is_unmatched and not was_tried else ()


def _account_updated(view: View, snapshot: AccountUpdated, _at: datetime) -> None:
    account = view.get(Account, snapshot.account_id)
    if account.latest is None or snapshot.revision > account.latest.revision:
        brought = _with_brought(account, snapshot.customer)
        put_account(view, snapshot.account_id, replace(account, latest=snapshot, brought=brought))


def _with_brought(account: Account, brought: BroughtCustomer | None) -> tuple[BroughtCustomer, ...]:
    if brought is None:
        return account.brought
    return (*(each for each in account.brought if each.realm != brought.realm), brought)


def _account_mapped(view: View, mapped: AccountMapped, _at: datetime) -> None:
    account, realm = view.get(Account, mapped.account_id), mapped.realm or view.get(WorkspaceState).realm
    link = Link(mapped.customer_id, realm, mapped.currency, mapped.also)
    account = replace(account, links=_linked(account.links, link), withdrawn=account.requests)
    # A person's mapping ends the CRM's word; a later snapshot is compared with the mapping.
    brought = tuple(each for each in account.brought if each.realm != realm)
    account = replace(account, ignored_by=None, brought=brought)
    _put_linked(view, mapped.account_id, account)
    if realm is None:
        remember_before(view, Account, mapped.account_id)
    else:
        want(view, [catalog.customer_stream(realm, mapped.customer_id)])


def _linked(links: tuple[Link, ...], added: Link) -> tuple[Link, ...]:
    """Return the links with one added; it replaces the link for the same currency, or all if it is for every currency."""
    kept = (
        link
        for link in links
        if link.realm != added.realm or (added.currency is not None and link.currency != added.currency)
    )
    return (*kept, added)


def _put_linked(view: View, account_id: str, account: Account) -> None:
    """Replace the state of an account, and update the customers that it is, or was, mapped to."""
    before = {link for link in view.get(Account, account_id).links if link.realm is not None}
    put_account(view, account_id, account)
    now = {link for link in account.links if link.realm is not None}
    linked = {catalog.customer_stream(str(link.realm), link.customer_id) for link in now}
    for stream in sorted(linked | {catalog.customer_stream(str(k.realm), k.customer_id) for k in before}):
        call_its_own(view, stream, account_id, is_it=stream in linked)


def _connected(view: View, connection: ConnectionAuthorized, _at: datetime) -> None:
    """Give mappings from before any connection the first connected company as theirs, for good."""
    for account_id in taken_before(view, Account):
        account = view.get(Account, account_id)
        links = tuple(
            replace(link, realm=connection.realm) if link.realm is None else link for link in account.links
        )
        _put_linked(view, account_id, replace(account, links=links))


def _suggested(view: View, suggested: MappingSuggested, _at: datetime) -> None:
    account = view.get(Account, suggested.account_id)
    put_account(view, suggested.account_id, replace(account, suggested=suggested))


def _comparison_requested(view: View, request: ComparisonRequested, _at: datetime) -> None:
    put_account(view, request.account_id, replace(view.get(Account, request.account_id), compared=request))


def _unmatched(view: View, answer: AccountUnmatched, _at: datetime) -> None:
    put_account(view, answer.account_id, replace(view.get(Account, answer.account_id), unmatched=answer))


def _rejected(view: View, rejected: MappingRejected, _at: datetime) -> None:
    account, pair = view.get(Account, rejected.account_id), (rejected.realm, rejected.customer_id)
    pairs = tuple(dict.fromkeys((*account.rejected, pair)))
    brought = tuple(each for each in account.brought if (each.realm, each.customer_id) != pair)
    put_account(view, rejected.account_id, replace(account, rejected=pairs, brought=brought))


def _linked_by_itself(view: View, linked: MappingLinked | MappingBrought, _at: datetime) -> None:
    account, link = view.get(Account, linked.account_id), Link(linked.customer_id, linked.realm)
    others = tuple(each for each in account.automatic if each.realm != linked.realm)
    put_account(view, linked.account_id, replace(account, automatic=(*others, link)))
    _call_linked(view, linked.realm, linked.customer_id, linked.account_id)


def _moved(view: View, moved: MappingMoved, _at: datetime) -> None:
    account = view.get(Account, moved.account_id)
    put_account(view, moved.account_id, replace(account, moved=(*account.moved, moved)))
    _call_linked(view, moved.realm, moved.customer_id, moved.account_id)


def _call_linked(view: View, realm: str, customer_id: str, account_id: str) -> None:
    """Add an account to those that a customer got without a person."""
    customer = view.get(Customer, f"{realm}/{customer_id}")
    accounts = tuple(sorted({*customer.automatic, account_id}))
    put(view, catalog.customer_stream(realm, customer_id), replace(customer, automatic=accounts))


def _brought_refused(view: View, refused: BroughtRefused, _at: datetime) -> None:
    account = view.get(Account, refused.account_id)
    others = tuple(each for each in account.refused if each.realm != refused.realm)
    put_account(view, refused.account_id, replace(account, refused=(*others, refused)))


def _ignored(view: View, ignored: AccountIgnored, _at: datetime) -> None:
    account = view.get(Account, ignored.account_id)
    put_account(view, ignored.account_id, replace(account, ignored_by=ignored.by, withdrawn=account.requests))


def _unignored(view: View, unignored: AccountUnignored, _at: datetime) -> None:
    account = view.get(Account, unignored.account_id)
    put_account(view, unignored.account_id, replace(account, ignored_by=None))


def _customer_requested(view: View, request: CustomerRequested, _at: datetime) -> None:
    account = view.get(Account, request.account_id)
    put_account(
        view,
        request.account_id,
        replace(account, requests=account.requests + 1, wish=request, ignored_by=None),
    )


def _customer_commanded(view: View, command: CustomerCommanded, _at: datetime) -> None:
    account = view.get(Account, command.account_id)
    attempt = Attempt(command.generation, "commanded", command.realm, command.request_id, command.requests)
    sent = dict([*account.sent.items(), (command.request_id, command.fields)][-SENT_MAX:])
    account = replace(account, attempt=attempt, sent=sent, commanded=command.display_name)
    put_account(view, command.account_id, account)


def _customer_created(view: View, created: CustomerCreated, _at: datetime) -> None:
    account = view.get(Account, created.account_id)
    attempt = succeeded(account.attempt, created, account.requests)
    links = account.links
    if not _was_decided_since(account, created):
        links = _linked(links, Link(created.customer_id, created.realm, created.currency))
    _put_linked(view, created.account_id, replace(account, links=links, attempt=attempt))
    seen = created.customer or CustomerObserved(
        created.realm, created.customer_id, display_name=created.display_name, currency=created.currency
    )
    make_known(view, seen)


def _was_decided_since(account: Account, created: CustomerCreated) -> bool:
    """Return whether a person has mapped or ignored the account since a customer was last requested: that decision stays."""
    fitting = {None, created.currency}
    is_mapped = any(link.realm == created.realm and link.currency in fitting for link in account.links)
    return account.requests <= account.withdrawn and (is_mapped or account.ignored_by is not None)


def _ended(view: View, outcome: CommandRejected | CommandUncertain, _at: datetime) -> None:
    if outcome.kind == "create_customer":
        account_id = catalog.key_of(outcome.subject)
        account = view.get(Account, account_id)
        if (attempt := ended(account.attempt, outcome, account.requests)) is not None:
            put_account(view, account_id, replace(account, attempt=attempt))


FOLDS: Folds = {
    catalog.ACCOUNT_UPDATED: _account_updated,
    catalog.ACCOUNT_MAPPED: _account_mapped,
    catalog.CONNECTION_AUTHORIZED: _connected,
    MAPPING_SUGGESTED: _suggested,
    COMPARISON_REQUESTED: _comparison_requested,
    ACCOUNT_UNMATCHED: _unmatched,
    MAPPING_REJECTED: _rejected,
    MAPPING_LINKED: _linked_by_itself,
    MAPPING_BROUGHT: _linked_by_itself,
    BROUGHT_REFUSED: _brought_refused,
    MAPPING_MOVED: _moved,
    ACCOUNT_IGNORED: _ignored,
    ACCOUNT_UNIGNORED: _unignored,
    catalog.CUSTOMER_REQUESTED: _customer_requested,
    catalog.CUSTOMER_COMMANDED: _customer_commanded,
    catalog.CUSTOMER_CREATED: _customer_created,
    catalog.COMMAND_REJECTED: _ended,
    catalog.COMMAND_UNCERTAIN: _ended,
}
