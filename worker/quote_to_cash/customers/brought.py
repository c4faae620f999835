"""The customer that the CRM's snapshot of an account brings: the account is linked to it without a review, or it is refused.

A person's decision wins, and so does a customer that the account has already. Nothing is decided while a customer is being
created for the account, or while another company is connected than the customer's.
"""

from collections.abc import Iterator

from events.contract.announcements import CustomerLinked
from events.contract.crm import BroughtCustomer
from events.contract.reviewing import BroughtRefused, MappingBrought, Refusal
from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import holders
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.view import View


def link_brought(view: View, account_id: str) -> Iterator[Consequence]:
    """Link an account to the customer of the connected company that the CRM brought, or say why not, once."""
    account, realm = view.get(Account, account_id), view.get(WorkspaceState).realm
    brought = account.brought_in(realm)
    if brought is None or _has(account, brought) or _awaits_a_creation(account, brought.realm):
        return
    refusal = _refusal(view, account_id, account, brought)
    if refusal is None:
        yield MappingBrought(account_id, brought.realm, brought.customer_id)
        yield CustomerLinked(account_id, brought.customer_id, brought.realm)
        return
    refused = BroughtRefused(account_id, brought.realm, brought.customer_id, *refusal)
    if account.refusal_of(brought) != refused:
        yield refused


def is_contradicted(account: Account, realm: str | None) -> bool:
    """Return whether the CRM brought a customer of a company that the account is not linked to: a person decides then."""
    brought = account.brought_in(realm)
    return brought is not None and not _has(account, brought)


def _has(account: Account, brought: BroughtCustomer) -> bool:
    customer_id = account.present(brought.realm, brought.customer_id)
    return any(link.customer_id == customer_id for link in account.links_in(brought.realm))


def _awaits_a_creation(account: Account, realm: str) -> bool:
    attempt = account.attempt
    return account.is_unanswered or (attempt is not None and attempt.is_open and attempt.realm == realm)


def _refusal(
    view: View, account_id: str, account: Account, brought: BroughtCustomer
) -> tuple[Refusal, str | None] | None:
    """Return why the account is not linked to a customer, with its holder or the account's customer; None if it is linked."""
    realm, customer_id = brought.realm, brought.customer_id
    if account.ignored_by is not None:
        return "account_ignored", None
    if (realm, customer_id) in account.rejected:
        return "pair_rejected", None
    own = next((link.customer_id for link in account.links_of_people(realm)), None)
    if own is not None:
        return "account_mapped", own
    holder = next(holders(view, account_id, customer_id, realm, None), None)
    return ("customer_taken", holder) if holder is not None else None
