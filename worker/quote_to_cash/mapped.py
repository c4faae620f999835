"""Fold what accounts and products are in QuickBooks: mapped by a person, or created by a command of ours."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from events import catalog
from events.administration import AccountMapped, CustomerRequested, ItemRequested, ProductMapped
from events.announcements import CustomerCommanded, ItemCommanded
from events.crm import AccountUpdated
from events.envelope import Event
from events.quickbooks import CustomerCreated, CustomerObserved, InvoiceCreated, ItemCreated, ItemObserved
from worker.quote_to_cash.observed import call_its_own, make_known, want
from worker.quote_to_cash.state import WORKSPACE, Account, Effort, Link, Product, View


def closed(
    effort: Effort | None,
    created: InvoiceCreated | CustomerCreated | ItemCreated,
    asked: int,
    generation: int = 1,
) -> Effort:
    """Close an effort. Its outcome answers everything that was asked until then, however often."""
    if effort is None:
        return Effort(generation, "done", created.realm, created.request_id, asked)
    if effort.request_id != created.request_id:
        return effort  # of an earlier one, whose company was connected again
    return replace(effort, status="done", asked=asked, gate=None, message=None, holder=None)


def put_account(view: View, account_id: str, account: Account) -> None:
    """Replace an account, and what it waits on."""
    view.put_account(account_id, account)
    _await_workspace(view, f"account/{account_id}", account)


def put_product(view: View, product_id: str, product: Product) -> None:
    """Replace a product, and what it waits on."""
    view.put_product(product_id, product)
    _await_workspace(view, f"product/{product_id}", product)


def _await_workspace(view: View, stream: str, subject: Account | Product) -> None:
    # Derived from the state each time, so that replaying the log gives what deciding gave.
    unanswered = subject.requests > max(subject.withdrawn, subject.effort.asked if subject.effort else 0)
    view.set_waits(stream, (WORKSPACE,) if unanswered else ())


def _account_updated(view: View, _event: Event, snapshot: AccountUpdated) -> None:
    account = view.account(snapshot.account_id)
    if account.latest is None or snapshot.revision > account.latest.revision:
        put_account(view, snapshot.account_id, replace(account, latest=snapshot))


def _account_mapped(view: View, _event: Event, mapped: AccountMapped) -> None:
    account, realm = view.account(mapped.account_id), mapped.realm or _realm(view)
    link = Link(mapped.customer_id, realm, mapped.currency)
    account = replace(account, links=_linked(account.links, link), withdrawn=account.requests)
    _put_linked(view, mapped.account_id, account)
    if realm is None:
        _await_company(view, f"account/{mapped.account_id}")
    else:
        want(view, [catalog.customer_stream(realm, mapped.customer_id)])


def _linked(links: tuple[Link, ...], added: Link) -> tuple[Link, ...]:
    """Add a link; it takes the place of that for the same currency, or of all if it is for whichever."""
    kept = (
        link
        for link in links
        if link.realm != added.realm or (added.currency is not None and link.currency != added.currency)
    )
    return (*kept, added)


def _put_linked(view: View, account_id: str, account: Account) -> None:
    """Replace an account, and have the customers that it is, and that it was, know it."""
    before = {link for link in view.account(account_id).links if link.realm is not None}
    put_account(view, account_id, account)
    now = {link for link in account.links if link.realm is not None}
    linked = {catalog.customer_stream(str(link.realm), link.customer_id) for link in now}
    for stream in sorted(linked | {catalog.customer_stream(str(k.realm), k.customer_id) for k in before}):
        call_its_own(view, stream, account_id, is_it=stream in linked)


def _realm(view: View) -> str | None:
    connection = view.workspace().connection
    return connection.realm if connection else None


def _await_company(view: View, stream: str) -> None:
    """Remember that something was mapped before any company was connected."""
    state = view.workspace()
    if stream not in state.mapped_before:
        view.put_workspace(replace(state, mapped_before=(*state.mapped_before, stream)))


def bind(view: View, realm: str) -> None:
    """Have what was mapped before any company was connected mapped in the first one: in no other since."""
    state = view.workspace()
    for stream in state.mapped_before:
        kind, _, subject = stream.partition("/")
        if kind == "account":
            account = view.account(subject)
            links = tuple(
                replace(link, realm=realm) if link.realm is None else link for link in account.links
            )
            _put_linked(view, subject, replace(account, links=links))
        else:
            view.put_product(subject, replace(view.product(subject), item_realm=realm))
    if state.mapped_before:
        view.put_workspace(replace(state, mapped_before=()))


def _customer_requested(view: View, _event: Event, request: CustomerRequested) -> None:
    account = view.account(request.account_id)
    put_account(view, request.account_id, replace(account, requests=account.requests + 1, wish=request))


def _customer_commanded(view: View, _event: Event, command: CustomerCommanded) -> None:
    account = view.account(command.account_id)
    effort = Effort(command.generation, "commanded", command.realm, command.request_id, command.requests)
    put_account(view, command.account_id, replace(account, effort=effort))


def _customer_created(view: View, _event: Event, created: CustomerCreated) -> None:
    account = view.account(created.account_id)
    links = _linked(account.links, Link(created.customer_id, created.realm, created.currency))
    effort = closed(account.effort, created, account.requests)
    _put_linked(view, created.account_id, replace(account, links=links, effort=effort))
    seen = CustomerObserved(
        created.realm, created.customer_id, display_name=created.display_name, currency=created.currency
    )
    make_known(view, catalog.customer_stream(created.realm, created.customer_id), seen)


def _product_mapped(view: View, _event: Event, mapped: ProductMapped) -> None:
    product, realm = view.product(mapped.product_id), mapped.realm or _realm(view)
    put_product(
        view,
        mapped.product_id,
        replace(product, item_id=mapped.item_id, item_realm=realm, withdrawn=product.requests),
    )
    if realm is None:
        _await_company(view, f"product/{mapped.product_id}")
    else:
        want(view, [catalog.item_stream(realm, mapped.item_id)])


def _item_requested(view: View, _event: Event, request: ItemRequested) -> None:
    product = view.product(request.product_id)
    put_product(view, request.product_id, replace(product, requests=product.requests + 1, wish=request))


def _item_commanded(view: View, _event: Event, command: ItemCommanded) -> None:
    product = view.product(command.product_id)
    effort = Effort(command.generation, "commanded", command.realm, command.request_id, command.requests)
    put_product(view, command.product_id, replace(product, effort=effort))


def _item_created(view: View, _event: Event, created: ItemCreated) -> None:
    product = view.product(created.product_id)
    put_product(
        view,
        created.product_id,
        replace(
            product,
            item_id=created.item_id,
            item_realm=created.realm,
            effort=closed(product.effort, created, product.requests),
        ),
    )
    seen = ItemObserved(created.realm, created.item_id, name=created.name, type=created.type)
    make_known(view, catalog.item_stream(created.realm, created.item_id), seen)


FOLDS: dict[str, Callable[[View, Event, Any], None]] = {
    catalog.ACCOUNT_UPDATED: _account_updated,
    catalog.ACCOUNT_MAPPED: _account_mapped,
    catalog.CUSTOMER_REQUESTED: _customer_requested,
    catalog.CUSTOMER_COMMANDED: _customer_commanded,
    catalog.CUSTOMER_CREATED: _customer_created,
    catalog.PRODUCT_MAPPED: _product_mapped,
    catalog.ITEM_REQUESTED: _item_requested,
    catalog.ITEM_COMMANDED: _item_commanded,
    catalog.ITEM_CREATED: _item_created,
}
