"""Find the customer and the items that a deal's invoice refers to, by the mappings of its account and products."""

from events.contract import catalog
from events.contract.crm import DealUpdated
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.items.unmapped import item_of
from worker.quote_to_cash.view import View


def referred(view: View, latest: DealUpdated) -> list[str]:
    """Return the streams of the customer and the items, in the connected company."""
    realm = view.get(WorkspaceState).realm
    if realm is None:
        return []
    link = view.get(Account, latest.account_id).link_in(realm, latest.currency)
    customers = [catalog.customer_stream(realm, link.customer_id)] if link else []
    lines = latest.quote.lines if latest.quote else ()
    item_ids = {item_of(view, line.product_id) for line in lines}
    return [*customers, *sorted(catalog.item_stream(realm, item_id) for item_id in item_ids if item_id)]
