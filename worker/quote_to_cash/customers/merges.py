"""Customers that were merged in QuickBooks: an account's mapping moves to the customer that stays, unless people decided otherwise.

The mapping is held if it is not known into which customer its own was merged, if that one is another account's, and if a
person rejected it for this account.
"""

from collections.abc import Iterator

from events.contract import catalog
from events.contract.announcements import CustomerLinked
from events.contract.observed import ObjectMerged
from events.contract.reviewing import MappingMoved
from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import holders
from worker.quote_to_cash.customers.state import Account, Link
from worker.quote_to_cash.readings.folds import survivor_of
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.view import View


def move_merged(view: View, account_id: str) -> Iterator[Consequence]:
    """Move the links of an account whose customers were merged into others."""
    account, realm = view.get(Account, account_id), view.get(WorkspaceState).realm
    if realm is None:
        return
    moves = {
        link: survivor
        for link in account.links_in(realm)
        if (survivor := survivor_of(view, Customer, realm, link.customer_id)) is not None
        and (realm, survivor) not in account.rejected
        and holder_of_survivor(view, account_id, link, survivor) is None
    }
    for gone, survivor in {link.customer_id: survivor for link, survivor in moves.items()}.items():
        yield MappingMoved(account_id, realm, survivor, gone)
    for link, survivor in moves.items():
        yield CustomerLinked(account_id, survivor, realm, link.currency)


def holder_of_survivor(view: View, account_id: str, link: Link, survivor: str) -> str | None:
    """Return the account that has the customer which the one of a link was merged into; None if no other one has it.

    Accounts that shared the merged customer go on sharing.
    """
    realm = str(link.realm)
    others = holders(view, account_id, survivor, realm, link.currency)
    return next((each for each in others if not _shared(view.get(Account, each), link)), None)


def _shared(account: Account, link: Link) -> bool:
    return any((each.realm, each.merged) == (link.realm, link.customer_id) for each in account.moved)


def accounts_of_merged(view: View, merged: ObjectMerged) -> list[str]:
    """Return the streams that a merge of customers changes: the accounts of the one that has gone, and the one that stays."""
    if merged.entity != "Customer":
        return []
    customer = view.get(Customer, f"{merged.realm}/{merged.entity_id}")
    stays = [catalog.customer_stream(merged.realm, merged.survivor)] if merged.survivor else []
    accounts = dict.fromkeys((*customer.accounts, *customer.automatic))
    return [*stays, *(f"account/{account_id}" for account_id in accounts)]
