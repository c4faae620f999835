"""The customers of accounts that no customer is like, by the setting `unmapped_account`: created on invoice, or at once.

The matcher's last answer may be older than a customer that was observed since. So the account is compared once more before
its customer is created: the rule requests the comparison, and the customer is commanded upon the answer alone.
"""

from collections.abc import Iterator
from typing import Literal

from events.contract.unmatched import ComparisonRequested
from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.brought import is_contradicted
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import CREATE_AT_ONCE, HOLD

CustomerCreation = Literal["to_compare", "to_create", "being_created"]


def customer_creation_of(view: View, account_id: str) -> CustomerCreation | None:
    """Return whether the customer of an unmapped account is created without a person's request, or is being created.

    Before that, the account is compared: it may be like a customer. The customer is commanded once for each company: if QuickBooks refuses it, or its outcome is unknown, a person decides.
    """
    account, workspace = view.get(Account, account_id), view.get(WorkspaceState)
    realm, attempt = workspace.realm, account.attempt
    if workspace.settings.unmapped_account_rule == HOLD or realm is None or realm in workspace.being_read:
        return None
    awaits_comparison = account.awaits_comparison(realm)
    if is_contradicted(account, realm) or not (awaits_comparison or account.is_unmatched):
        return None
    if attempt is None or attempt.realm != realm:
        return "to_compare" if awaits_comparison else "to_create"
    return "being_created" if attempt.status == "commanded" else None


def compare_once_more(view: View, account_id: str) -> Iterator[Consequence]:
    """Request another comparison of an account whose customer is to be created, unless one is under way."""
    account, workspace = view.get(Account, account_id), view.get(WorkspaceState)
    realm = workspace.realm
    if realm is None or workspace.company is None or not workspace.is_connected:
        return
    if customer_creation_of(view, account_id) == "to_create" and not account.is_being_compared(realm):
        number = account.compared.number if account.compared is not None else 0
        yield ComparisonRequested(account_id, realm, number + 1)


def compare_at_once(view: View, account_id: str) -> Iterator[Consequence]:
    """Do so if the customer needs no deal that waits for it."""
    if view.get(WorkspaceState).settings.unmapped_account_rule == CREATE_AT_ONCE:
        yield from compare_once_more(view, account_id)


def is_created_now(view: View, account_id: str) -> bool:
    """Return whether the customer of an account is commanded, now that the matcher has answered: none is like it."""
    account, workspace = view.get(Account, account_id), view.get(WorkspaceState)
    if workspace.realm is None or not account.is_unlike_all(workspace.realm):
        return False
    if customer_creation_of(view, account_id) != "to_create":
        return False
    waiting = view.waiting(f"account/{account_id}")
    is_at_once = workspace.settings.unmapped_account_rule == CREATE_AT_ONCE
    return is_at_once or any(stream.startswith("deal/") for stream in waiting)
