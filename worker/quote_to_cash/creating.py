"""When a customer or an item is created: once a person asked for it, and everything that it needs is there."""

from events import catalog, json
from events.announcements import CustomerCommanded, ItemCommanded
from events.envelope import Event
from worker.commands.identity import CommandKey, currency_number, request_id
from worker.commands.table import NewCommand
from worker.quote_to_cash.customers import customer_body, item_body
from worker.quote_to_cash.decision import Decision, record
from worker.quote_to_cash.referred import income_account_of
from worker.quote_to_cash.state import View
from worker.quote_to_cash.wishes import customer_is_wanted, item_is_wanted, new_currency, new_name


def consider_account(view: View, decision: Decision, event: Event, account_id: str) -> None:
    """Command the customer that a person asked to create for an account, once it can be."""
    account, workspace = view.account(account_id), view.workspace()
    connection, company = workspace.connection, workspace.company
    if account.latest is None or connection is None or company is None or workspace.expired:
        return
    if not customer_is_wanted(view, account_id, company):
        return
    generation = account.effort.generation + 1 if account.effort else 1
    currency = new_currency(view, account_id, company, account.wish.currency if account.wish else None)
    part = 0 if currency in (None, company.home_currency) else currency_number(currency)
    key = CommandKey(event.workspace, account_id, "create_customer", part, generation)
    request = request_id(connection.realm, key)
    name = new_name(account, connection.realm, currency)
    composed = customer_body(account.latest, request, name=name, currency=currency)
    body = composed.body
    fact = CustomerCommanded(
        account_id,
        generation,
        connection.realm,
        request,
        body["DisplayName"],
        account.requests,
        composed.notes,
    )
    record(view, decision, event, catalog.CUSTOMER_COMMANDED, fact)
    decision.commands.append(NewCommand(key, connection.realm, request, json.encode_numbers(body)))


def consider_product(view: View, decision: Decision, event: Event, product_id: str) -> None:
    """Command the item that a person asked to create for a product, once it can be."""
    product, workspace = view.product(product_id), view.workspace()
    connection, income_account = workspace.connection, income_account_of(workspace)
    if product.name is None or connection is None or income_account is None or workspace.expired:
        return
    if not item_is_wanted(product, connection.realm):
        return
    generation = product.effort.generation + 1 if product.effort else 1
    key = CommandKey(event.workspace, product_id, "create_item", 0, generation)
    request = request_id(connection.realm, key)
    composed = item_body(product_id, product, income_account)
    body = composed.body
    fact = ItemCommanded(
        product_id, generation, connection.realm, request, body["Name"], product.requests, composed.notes
    )
    record(view, decision, event, catalog.ITEM_COMMANDED, fact)
    decision.commands.append(NewCommand(key, connection.realm, request, json.encode_numbers(body)))
