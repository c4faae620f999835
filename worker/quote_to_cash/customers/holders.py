"""Find the accounts that a customer belongs to: one for each currency, unless a person confirmed another."""

from collections.abc import Iterator

from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.view import View


def holders(view: View, account_id: str, customer_id: str, realm: str, currency: str | None) -> Iterator[str]:
    """Yield the other accounts that are linked to a customer for deals in a currency; in any, if it is None."""
    customer = view.get(Customer, f"{realm}/{customer_id}")
    for other in dict.fromkeys((*customer.accounts, *customer.automatic)):
        links = view.get(Account, other).links_in(realm) if other != account_id else ()
        if any(
            link.customer_id == customer_id
            and (None in {currency, link.currency} or currency == link.currency)
            for link in links
        ):
            yield other
