"""The gates of what an invoice refers to: the customer that the account is, the items that the products are."""

from collections.abc import Iterator

from events.crm import DealUpdated
from events.quickbooks import ItemObserved
from worker.quote_to_cash.gates import Gate, shown
from worker.quote_to_cash.invoicing import named
from worker.quote_to_cash.observed import known, referred
from worker.quote_to_cash.state import Effort, Product, View, WorkspaceState

NOT_FOR_SALE = frozenset({"Category", "Group"})  # a line of an invoice can't name them


def mapping_gates(view: View, latest: DealUpdated, workspace: WorkspaceState) -> Iterator[Gate]:
    """Return the gates of what the deal's account and products are mapped to."""
    realm = workspace.connection.realm if workspace.connection else None
    yield from _customer(view, latest, realm)
    yield from _items(view, latest, workspace, realm)


def reading_gates(view: View, latest: DealUpdated) -> Iterator[Gate]:
    """Return the gates of what is not known yet of the customer and the items, because it is being read."""
    failed, reading = [], []
    for stream in referred(view, latest):
        state = known(view, stream)
        name = _spoken(stream)
        if state.reading.problem:
            failed.append(f"{name}: {state.reading.problem}")
        elif state.observed is None or state.reading.is_open:
            reading.append(name)
    yield Gate("mapping_not_read", met=not failed, detail="; ".join(failed))
    yield Gate("mapping_being_read", met=not reading, detail=", ".join(reading))


def billed_in(view: View, latest: DealUpdated, realm: str | None) -> str | None:
    """Return the currency of the deal's customer, as far as it is known."""
    account = view.account(latest.account_id)
    customer_id = account.customer_in(realm)
    observed = view.customer(realm, customer_id).observed if realm and customer_id else None
    return (observed.currency if observed else None) or account.customer_currency


def income_account_of(workspace: WorkspaceState) -> str | None:
    """Return the id of the account that new items earn into, if it is chosen and exists."""
    wanted = workspace.settings.income_account
    if workspace.company is None or wanted is None:
        return None
    found = named(workspace.company.income_accounts, wanted)
    return found.id if found else None


def _customer(view: View, latest: DealUpdated, realm: str | None) -> Iterator[Gate]:
    account = view.account(latest.account_id)
    customer_id = account.customer_in(realm)
    arrived = account.latest is not None or customer_id is not None
    yield Gate("account_missing", met=arrived, detail=latest.account_id)
    if not arrived:
        return
    name = shown(account.latest.name) if account.latest else latest.account_id
    if customer_id is None:
        detail = f"{name} ({latest.account_id}{_refused(account.effort)})"
        yield Gate("account_not_mapped", met=False, detail=detail)
        return
    observed = view.customer(realm, customer_id).observed if realm else None
    if observed is not None and not observed.exists:
        detail = f"{customer_id}, which the account {name} ({latest.account_id}) is mapped to"
        yield Gate("account_not_mapped", met=False, detail=detail, case="no_such_customer")
        return
    yield Gate("account_not_mapped")
    if observed is not None:
        detail = f"{observed.display_name} ({customer_id})"
        yield Gate("customer_inactive", met=observed.active, detail=detail)


def _items(view: View, latest: DealUpdated, workspace: WorkspaceState, realm: str | None) -> Iterator[Gate]:
    lines = {line.product_id: shown(line.name) for line in latest.quote.lines} if latest.quote else {}
    products = {product_id: view.product(product_id) for product_id in lines}
    unmapped = [p for p, product in products.items() if product.item_in(realm) is None]
    seen = {p: view.item(realm, item_id).observed for p, item_id in _mapped(products, realm) if realm}
    absent = [p for p, item in seen.items() if item is not None and not item.exists]
    unfit = [p for p, item in seen.items() if item is not None and item.type in NOT_FOR_SALE]
    inactive = [p for p, item in seen.items() if item is not None and item.exists and not item.active]

    def told(chosen: list[str]) -> str:
        return ", ".join(f"{_item_name(seen[p])} for {lines[p]} ({p})" for p in chosen)

    if unmapped or not (absent or unfit):
        detail = ", ".join(f"{lines[p]} ({p}{_refused(products[p].effort)})" for p in unmapped)
        yield Gate("product_not_mapped", met=not unmapped, detail=detail)
    elif absent:
        yield Gate("product_not_mapped", met=False, detail=told(absent), case="no_such_item")
    else:
        yield Gate("product_not_mapped", met=False, detail=told(unfit), case="item_not_for_sale")
    yield Gate("item_inactive", met=not inactive, detail=told(inactive))
    if workspace.company is not None:
        no_account = [p for p in unmapped if products[p].requests and income_account_of(workspace) is None]
        yield Gate("income_account_missing", met=not no_account, detail=", ".join(no_account))


def _mapped(products: dict[str, Product], realm: str | None) -> Iterator[tuple[str, str]]:
    for product_id, product in products.items():
        if (item_id := product.item_in(realm)) is not None:
            yield product_id, item_id


def _item_name(item: ItemObserved | None) -> str:
    if item is None:
        return ""
    return f"{item.name} ({item.item_id}, {item.type})" if item.exists else item.item_id


def _refused(effort: Effort | None) -> str:
    if effort is not None and effort.status == "rejected":
        return f"; creating it was refused: {effort.message}"
    if effort is not None and effort.status == "uncertain":
        return f"; whether it was created is not known yet: {effort.message}"
    return ""


def _spoken(stream: str) -> str:
    kind, _, object_id = stream.split("/", 2)
    return f"{kind} {object_id}"
