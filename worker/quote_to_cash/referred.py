"""The gates of what an invoice refers to: the customer that the account is, the items that the products are."""

from collections.abc import Iterator

from events.crm import DealUpdated
from events.quickbooks import Holder, ItemObserved
from worker.quote_to_cash.gates import Gate, shown
from worker.quote_to_cash.invoicing import named
from worker.quote_to_cash.observed import known, referred
from worker.quote_to_cash.state import Effort, Link, Product, View, WorkspaceState

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
    link = view.account(latest.account_id).link_in(realm, latest.currency)
    return currency_of(view, link) if link else None


def currency_of(view: View, link: Link) -> str | None:
    """Return the currency that a customer is billed in, as far as it is known."""
    seen = view.customer(link.realm, link.customer_id).observed if link.realm else None
    return (seen.currency if seen else None) or link.currency


def refused_creation(view: View, latest: DealUpdated) -> str:
    """Say why the customer that somebody asked to create was not, if that is so."""
    return _refused(view, view.account(latest.account_id).effort)


def income_account_of(workspace: WorkspaceState) -> str | None:
    """Return the id of the account that new items earn into, if it is chosen and exists."""
    wanted = workspace.settings.income_account
    if workspace.company is None or wanted is None:
        return None
    found = named(workspace.company.income_accounts, wanted)
    return found.id if found else None


def _customer(view: View, latest: DealUpdated, realm: str | None) -> Iterator[Gate]:
    account = view.account(latest.account_id)
    link = account.link_in(realm, latest.currency)
    arrived = account.latest is not None or link is not None
    yield Gate("account_missing", met=arrived, detail=latest.account_id)
    if not arrived:
        return
    if link is None:
        yield _unmapped(view, latest.account_id, account.effort)
        return
    seen = view.customer(realm, link.customer_id).observed if realm else None
    refused = _refused(view, account.effort)
    if seen is not None and not seen.exists:
        name = _account_name(view, latest.account_id, refused)
        detail = f"{link.customer_id}, which the account {name} is mapped to"
        yield Gate("account_not_mapped", met=False, detail=detail, case="no_such_customer")
        return
    yield Gate("account_not_mapped")
    if seen is not None:
        detail = f"{seen.display_name} ({link.customer_id}{refused})"
        yield Gate("customer_inactive", met=seen.active, detail=detail)


def _unmapped(view: View, account_id: str, effort: Effort | None) -> Gate:
    """Say that an account has no customer; where creating one was refused for its name, who has that."""
    holder = effort.holder if effort is not None else None
    if effort is None or holder is None:
        detail = _account_name(view, account_id, _refused(view, effort))
        return Gate("account_not_mapped", met=False, detail=detail)
    case = "name_of_customer" if holder.entity == "Customer" else "name_of_another_list"
    detail = f"{_account_name(view, account_id)}: {_told_holder(view, effort.realm, holder)}"
    return Gate("account_not_mapped", met=False, detail=detail, case=case)


def _told_holder(view: View, realm: str, holder: Holder) -> str:
    """Say who has a name, and whose customer that is."""
    told = f"{holder.entity.lower()} {holder.id} ({holder.name}{'' if holder.active else ', inactive'})"
    accounts = view.customer(realm, holder.id).accounts if holder.entity == "Customer" else ()
    if not accounts:
        return told
    return f"{told}, which is the account {', '.join(_account_name(view, account) for account in accounts)},"


def _account_name(view: View, account_id: str, more: str = "") -> str:
    known_as = view.account(account_id).latest
    return f"{shown(known_as.name)} ({account_id}{more})" if known_as else f"{account_id}{more}"


def _items(view: View, latest: DealUpdated, workspace: WorkspaceState, realm: str | None) -> Iterator[Gate]:
    lines = {line.product_id: shown(line.name) for line in latest.quote.lines} if latest.quote else {}
    products = {product_id: view.product(product_id) for product_id in lines}
    unmapped = [p for p, product in products.items() if product.item_in(realm) is None]
    seen = {p: view.item(realm, item_id).observed for p, item_id in _mapped(products, realm) if realm}
    absent = [p for p, item in seen.items() if item is not None and not item.exists]
    unfit = [p for p, item in seen.items() if item is not None and item.type in NOT_FOR_SALE]
    inactive = [p for p, item in seen.items() if item is not None and item.exists and not item.active]

    def told(chosen: list[str]) -> str:
        refused = {p: _refused(view, products[p].effort) for p in chosen}
        return ", ".join(f"{_item_name(seen[p])} for {lines[p]} ({p}{refused[p]})" for p in chosen)

    if unmapped or not (absent or unfit):
        detail = ", ".join(f"{lines[p]} ({p}{_refused(view, products[p].effort)})" for p in unmapped)
        taken = unmapped and all(effort.holder if (effort := products[p].effort) else None for p in unmapped)
        case = "name_of_item" if taken else None
        yield Gate("product_not_mapped", met=not unmapped, detail=detail, case=case)
    elif absent:
        yield Gate("product_not_mapped", met=False, detail=told(absent), case="no_such_item")
    else:
        yield Gate("product_not_mapped", met=False, detail=told(unfit), case="item_not_for_sale")
    yield Gate("item_inactive", met=not inactive, detail=told(inactive))
    if workspace.company is not None:
        asked = [p for p, product in products.items() if product.requests > product.withdrawn]
        to_create = [p for p in asked if p in {*unmapped, *absent, *unfit, *inactive}]
        no_account = to_create if income_account_of(workspace) is None else []
        yield Gate("income_account_missing", met=not no_account, detail=", ".join(no_account))


def _mapped(products: dict[str, Product], realm: str | None) -> Iterator[tuple[str, str]]:
    for product_id, product in products.items():
        if (item_id := product.item_in(realm)) is not None:
            yield product_id, item_id


def _item_name(item: ItemObserved | None) -> str:
    if item is None:
        return ""
    return f"{item.name} ({item.item_id}, {item.type})" if item.exists else item.item_id


def _refused(view: View, effort: Effort | None) -> str:
    if effort is not None and effort.status == "rejected":
        holder = effort.holder
        why = f"{_told_holder(view, effort.realm, holder)} has the name" if holder else effort.message
        return f"; creating it was refused: {why}"
    if effort is not None and effort.status == "uncertain":
        return f"; whether it was created is not known yet: {effort.message}"
    return ""


def _spoken(stream: str) -> str:
    kind, _, object_id = stream.split("/", 2)
    return f"{kind} {object_id}"
