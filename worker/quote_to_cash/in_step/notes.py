"""Sentences about differences between a deal's account and its customer: they hold no invoice."""

from collections.abc import Iterator

from projections.in_step_entries import SPOKEN, spoken_value
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import owner_of
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.in_step.state import Pair
from worker.quote_to_cash.view import View


def differences_of(view: View, account_id: str, currency: str) -> Iterator[str]:
    """Yield a sentence for each field of an account and its customer that waits for a person."""
    realm = view.get(WorkspaceState).realm
    link = view.get(Account, account_id).link_in(realm, currency)
    key = f"{realm}/{link.customer_id}" if link is not None else ""
    if link is None or owner_of(view, key) != account_id:
        return
    for field in view.get(Pair, key).fields.values():
        crm, quickbooks = spoken_value(field.values.crm), spoken_value(field.values.quickbooks)
        name = SPOKEN[field.field]
        if field.state == "conflict":
            yield (
                f"account/{account_id}: The {name} is {crm} in the CRM and {quickbooks} in QuickBooks, and a person decides"
                " which holds. The invoice does not wait for that."
            )
        elif field.state == "refused":
            yield f"account/{account_id}: QuickBooks does not take the {name} {crm}: {field.message}"
