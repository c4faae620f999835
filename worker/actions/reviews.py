"""The review of suggested customers: accept, reject, override, ignore. A person's decision holds for ever.

Each decision is checked by the newest state, so that two people can't give two accounts one customer.
"""

from events.contract import catalog
from events.contract.administration import AccountMapped
from events.contract.matching import MappingSuggested
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    MAPPING_REJECTED,
    AccountIgnored,
    AccountUnignored,
    MappingRejected,
)
from events.contract.values import Fact
from worker.actions.admin import ActionRefused, Admin
from worker.actions.recording import record
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import holders
from worker.quote_to_cash.customers.naming import account_name
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.view import View


async def map_account(
    admin: Admin,
    account_id: str,
    customer_id: str,
    currency: str | None = None,
    realm: str | None = None,
    *,
    also: bool = False,
) -> int:
    """Map an account to a customer of the company `realm`, by default of the connected company.

    `also` confirms that the customer is another account's: this one is linked for invoices only.

    Raises:
        ActionRefused: The customer is another account's.
    """

    def decide(view: View) -> tuple[str, Fact]:
        return catalog.ACCOUNT_MAPPED, _mapped(
            view, admin, account_id, customer_id, currency=currency, realm=realm, also=also
        )

    return await record(admin, decide)


async def accept(admin: Admin, account_id: str, customer_id: str | None = None, *, also: bool = False) -> int:
    """Map an account to the suggested customer; to none other than `customer_id`, if it is given.

    Raises:
        ActionRefused: No suggestion waits for a person, it is another one, or the customer is another account's.
    """

    def decide(view: View) -> tuple[str, Fact]:
        suggested = _in_review(view, account_id)
        best = suggested.best
        if best is None or customer_id not in {None, best.customer_id}:
            said = f"the customer {best.customer_id} {best.display_name}" if best else "no customer"
            raise ActionRefused(
                "suggestion_changed", f"For the account {account_id}, {said} is suggested now", "customer"
            )
        return catalog.ACCOUNT_MAPPED, _mapped(
            view, admin, account_id, best.customer_id, realm=suggested.realm, also=also
        )

    return await record(admin, decide)


async def reject(admin: Admin, account_id: str, customer_id: str | None = None) -> int:
    """Reject a customer for an account: it is never suggested for it again.

    By default, that is the suggested customer, or the one that the worker linked it to by itself.

    Raises:
        ActionRefused: No suggestion waits for a person, no company is connected, the account is mapped to the customer, or a
            customer is being created for it.
    """

    def decide(view: View) -> tuple[str, Fact]:
        account, realm = view.get(Account, account_id), view.get(WorkspaceState).realm
        if account.is_unanswered or (account.attempt is not None and account.attempt.is_open):
            raise ActionRefused(
                "customer_being_created",
                f"A customer is being created for the account {account_name(view, account_id)}: wait until it is known, or"
                " map the account to another one",
            )
        suggested = account.suggested if account.suggested and account.suggested.realm == realm else None
        by_people = account.links_of_people(realm)
        linked = next((link.customer_id for link in account.links_by_itself(realm) if not by_people), None)
        if customer_id is None and linked is None:
            suggested = _in_review(view, account_id)
        best = suggested.best if suggested else None
        rejected = customer_id or linked or (best.customer_id if best else None)
        if realm is None or rejected is None:
            raise ActionRefused("not_connected", "No QuickBooks company is connected yet")
        if any(link.customer_id == rejected for link in by_people):
            raise ActionRefused(
                "account_mapped",
                f"The account {account_name(view, account_id)} is mapped to customer {rejected}: map it to another one"
                " instead",
            )
        evidence = suggested.evidence(rejected) if suggested else None
        return MAPPING_REJECTED, MappingRejected(account_id, realm, rejected, admin.by, evidence)

    return await record(admin, decide)


async def ignore(admin: Admin, account_id: str, why: str | None = None) -> int:
    """Say that an account gets no customer.

    Raises:
        ActionRefused: It has one.
    """

    def decide(view: View) -> tuple[str, Fact]:
        link = view.get(Account, account_id).link_in(view.get(WorkspaceState).realm, None)
        if link is not None:
            name = account_name(view, account_id)
            raise ActionRefused(
                "account_mapped",
                f"The account {name} is mapped to customer {link.customer_id}, so it can't be ignored",
            )
        return ACCOUNT_IGNORED, AccountIgnored(account_id, admin.by, why)

    return await record(admin, decide)


async def unignore(admin: Admin, account_id: str) -> int:
    """Say that an account is no longer ignored.

    Raises:
        ActionRefused: It is not ignored.
    """

    def decide(view: View) -> tuple[str, Fact]:
        if view.get(Account, account_id).ignored_by is None:
            raise ActionRefused("not_ignored", f"The account {account_name(view, account_id)} is not ignored")
        return ACCOUNT_UNIGNORED, AccountUnignored(account_id, admin.by)

    return await record(admin, decide)


def _mapped(
    view: View,
    admin: Admin,
    account_id: str,
    customer_id: str,
    *,
    currency: str | None = None,
    realm: str | None = None,
    also: bool = False,
) -> AccountMapped:
    of_realm = realm or view.get(WorkspaceState).realm
    if of_realm is not None and not also:
        for holder in holders(view, account_id, customer_id, of_realm, currency):
            raise ActionRefused(
                "customer_taken",
                f"The customer {customer_id} is the account {account_name(view, holder)}'s. If this account is to be"
                " invoiced to it too, confirm that (--also)",
                "target",
            )
    suggested = view.get(Account, account_id).suggested
    is_its = suggested is not None and suggested.realm == of_realm
    evidence = suggested.evidence(customer_id) if suggested is not None and is_its else None
    return AccountMapped(account_id, customer_id, admin.by, currency, realm, evidence, also)


def _in_review(view: View, account_id: str) -> MappingSuggested:
    suggested = view.get(Account, account_id).in_review(view.get(WorkspaceState).realm)
    if suggested is None:
        raise ActionRefused(
            "nothing_suggested",
            f"No customer is suggested for the account {account_name(view, account_id)}, or it was decided upon",
        )
    return suggested
