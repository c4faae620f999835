"""Find the accounts that a customer belongs to, or that are to get it: one for each currency, unless a person confirmed another."""

from collections.abc import Iterator

from events.contract import catalog
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.readings.state import Customer, linked_accounts
from worker.quote_to_cash.view import View


def before_connecting(customer_id: str) -> str:
    """Return the key on which an account waits that was mapped to a customer before any company was connected."""
    return f"before-connecting/{customer_id}"


def name_being_created(realm: str, name: str) -> str:
    """Return the key on which an account waits while a customer of a name is being created for it."""
    return f"creations/{realm}/{name.casefold()}"


def holders(
    view: View, account_id: str, customer_id: str, realm: str | None, currency: str | None
) -> Iterator[str]:
    """Yield the other accounts that are linked to a customer for deals in a currency; in any, if it is None.

    A mapping from before any connection is of the company that is connected first, whichever it will be.
    """
    for other in _linked(view, customer_id, realm):
        account = view.get(Account, other)
        links = (*account.links_in(realm), *(link for link in account.links if link.realm is None))
        if other != account_id and any(
            link.customer_id == customer_id
            and (None in {currency, link.currency} or currency == link.currency)
            for link in links
        ):
            yield other


def _linked(view: View, customer_id: str, realm: str | None) -> Iterator[str]:
    """Yield the accounts that are, or were, linked to a customer."""
    if realm is not None:
        yield from linked_accounts(view.get(Customer, f"{realm}/{customer_id}"))
    if view.get(WorkspaceState).connection is None:
        yield from map(catalog.key_of, view.waiting(before_connecting(customer_id)))


def creators(view: View, account_id: str, customer_id: str, realm: str | None) -> Iterator[str]:
    """Yield the other accounts for which a customer of the same name is being created: it may be this one.

    An account that has the customer already goes on having it. Before any connection, nothing is being created.
    """
    if realm is None:
        return
    customer = view.get(Customer, f"{realm}/{customer_id}")
    name = customer.observed.display_name if customer.observed is not None else None
    if name is None or account_id in linked_accounts(customer):
        return
    for other in map(catalog.key_of, view.waiting(name_being_created(realm, name))):
        if other != account_id and view.get(Account, other).gets_created_in(realm):
            yield other


def owner_of(view: View, key: str) -> str | None:
    """Return the account that a customer belongs to; None if it belongs to none or to several.

    An account that is linked for invoices only is none. The key is the customer's, `REALM/ID`.
    """
    realm, _, customer_id = key.partition("/")
    owners = [
        account_id
        for account_id in linked_accounts(view.get(Customer, key))
        if any(
            link.customer_id == customer_id and not link.also
            for link in view.get(Account, account_id).links_in(realm)
        )
    ]
    return owners[0] if len(owners) == 1 else None
