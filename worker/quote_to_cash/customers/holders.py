"""Find the accounts that a customer belongs to: one for each currency, unless a person confirmed another."""

from collections.abc import Iterator

from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.readings.state import Customer, linked_accounts
from worker.quote_to_cash.view import View


def holders(view: View, account_id: str, customer_id: str, realm: str, currency: str | None) -> Iterator[str]:
    """Yield the other accounts that are linked to a customer for deals in a currency; in any, if it is None."""
    customer = view.get(Customer, f"{realm}/{customer_id}")
    for other in linked_accounts(customer):
        links = view.get(Account, other).links_in(realm) if other != account_id else ()
        if any(
            link.customer_id == customer_id
            and (None in {currency, link.currency} or currency == link.currency)
            for link in links
        ):
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
