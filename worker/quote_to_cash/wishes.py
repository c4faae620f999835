"""Customers and items that a person asked to create: whether one is wanted still, and what it is to be like."""

from events.quickbooks import CompanyObserved
from worker.quote_to_cash.customers import DISPLAY_NAME_CHARACTERS_MAX, ITEM_NAME_CHARACTERS_MAX
from worker.quote_to_cash.referred import NOT_FOR_SALE, currency_of, income_account_of
from worker.quote_to_cash.state import Account, Link, Product, View, WorkspaceState
from worker.quote_to_cash.texts import Fitter, distinct, one_line


class CannotCreate(Exception):
    """What was asked for would not be created; the message says why, and what to do instead."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def customer_is_wanted(view: View, account_id: str, company: CompanyObserved) -> bool:
    """Say whether a person asked for a customer that neither a command of ours nor a mapping answers."""
    account = view.account(account_id)
    if account.wish is None or not _is_unanswered(account, company.realm):
        return False
    link = _fitting(
        view, account, company.realm, new_currency(view, account_id, company, account.wish.currency)
    )
    return link is None or link.customer_id == account.wish.instead_of


def item_is_wanted(product: Product, realm: str) -> bool:
    """Say whether a person asked for an item that neither a command of ours nor a mapping answers."""
    if product.wish is None or not _is_unanswered(product, realm):
        return False
    return product.item_in(realm) in (None, product.wish.instead_of)


def new_currency(view: View, account_id: str, company: CompanyObserved, asked: str | None) -> str | None:
    """Return the currency that a new customer is to have; none where the company has one only.

    QuickBooks bills a customer in one currency for ever: that which a person said, or else that of a deal which
    waits for a customer of its currency.
    """
    if not company.multicurrency or asked is not None:
        return asked if company.multicurrency else None
    account = view.account(account_id)
    waiting = (stream.partition("/") for stream in view.waiting(f"account/{account_id}"))
    deals = (view.deal(subject).latest for kind, _, subject in waiting if kind == "deal")
    currencies = sorted({latest.currency for latest in deals if latest is not None})
    lacking = (c for c in currencies if _fitting(view, account, company.realm, c) is None)
    of_account = account.latest.currency if account.latest else None
    return next(lacking, None) or of_account or company.home_currency


def new_name(account: Account, realm: str, currency: str | None) -> str | None:
    """Return what a new customer is called; a second one of an account says its currency, since names are unique."""
    if account.wish is not None and account.wish.name is not None:
        return account.wish.name
    others = [link for link in account.links if link.realm == realm and link.currency not in (None, currency)]
    if account.latest is None or currency is None or not others:
        return None
    suffix = f" ({currency})"
    return distinct(one_line(account.latest.name), DISPLAY_NAME_CHARACTERS_MAX - len(suffix)) + suffix


def check_customer(view: View, account_id: str, currency: str | None, name: str | None) -> str | None:
    """Look whether a customer would be created; return the one that it replaces since that can't be used, if any.

    Raises:
        CannotCreate: The account has one that can be used, or the company has no such currency.
    """
    _check_name(name, DISPLAY_NAME_CHARACTERS_MAX)
    account, workspace = view.account(account_id), view.workspace()
    company = workspace.company
    if company is not None and not company.multicurrency and currency not in (None, company.home_currency):
        raise CannotCreate(
            "currency_not_enabled",
            f"The QuickBooks company sells in {company.home_currency} alone: switch on multicurrency in QuickBooks and"
            " connect again (q2c connect)",
        )
    if company is None:
        link = account.link_in(_realm(workspace), currency)
    else:
        wanted = new_currency(view, account_id, company, currency)
        link = _fitting(view, account, company.realm, wanted)
    if link is None:
        return None
    seen = view.customer(link.realm, link.customer_id).observed if link.realm else None
    if seen is not None and not (seen.exists and seen.active):
        return link.customer_id
    called = f" ({seen.display_name})" if seen is not None else ""
    raise CannotCreate(
        "customer_exists",
        f"Account {account_id} is QuickBooks customer {link.customer_id}{called} already, so none is created. Say which"
        f" other one it is (q2c map {account_id} CUSTOMER_ID), or create one for another currency"
        f" (q2c map {account_id} --create --currency C)",
    )


def check_item(view: View, product_id: str, name: str | None) -> str | None:
    """Look whether an item would be created; return the one that it replaces since that can't be used, if any.

    Raises:
        CannotCreate: The product has one that can be used.
    """
    _check_name(name, ITEM_NAME_CHARACTERS_MAX)
    realm = _realm(view.workspace())
    item_id = view.product(product_id).item_in(realm)
    if item_id is None:
        return None
    seen = view.item(realm, item_id).observed if realm else None
    if seen is not None and (not seen.exists or not seen.active or seen.type in NOT_FOR_SALE):
        return item_id
    called = f" ({seen.name})" if seen is not None else ""
    raise CannotCreate(
        "item_exists",
        f"Product {product_id} is QuickBooks item {item_id}{called} already, so none is created. Say which other one it"
        f" is (q2c map-product {product_id} ITEM_ID)",
    )


def customer_waits_for(view: View, account_id: str) -> str | None:
    """Say what a customer that is asked for is created after, if it is not at once."""
    if view.account(account_id).latest is None:
        return "the account has arrived from the CRM"
    return _company_waits_for(view.workspace())


def item_waits_for(view: View, product_id: str) -> str | None:
    """Say what an item that is asked for is created after, if it is not at once."""
    if view.product(product_id).name is None:
        return "a deal has arrived whose quote names the product"
    workspace = view.workspace()
    waits_for = _company_waits_for(workspace)
    if waits_for is None and income_account_of(workspace) is None:
        return "an income account of the company's is chosen (q2c set income_account=NAME)"
    return waits_for


def _company_waits_for(workspace: WorkspaceState) -> str | None:
    if workspace.connection is None or workspace.expired:
        return "QuickBooks is connected (q2c connect)"
    return None if workspace.company is not None else "the QuickBooks company has been read"


def _is_unanswered(subject: Account | Product, realm: str) -> bool:
    """Say whether no command answers what was asked for last; one to another company is not in the way."""
    effort = subject.effort
    if effort is not None and effort.is_open and effort.realm == realm:
        return False
    return subject.requests > max(subject.withdrawn, effort.asked if effort else 0)


def _fitting(view: View, account: Account, realm: str, currency: str | None) -> Link | None:
    """Return which customer an account is for deals of a currency, as far as it is known to be billed in it."""
    link = account.link_in(realm, currency)
    if link is None or currency is None:
        return link
    return link if currency_of(view, link) in (None, currency) else None


def _realm(workspace: WorkspaceState) -> str | None:
    return workspace.connection.realm if workspace.connection else None


def _check_name(name: str | None, characters_max: int) -> None:
    if name is not None and Fitter().name("The name", name, characters_max, "") != name:
        raise CannotCreate(
            "name_invalid",
            f"QuickBooks takes names of at most {characters_max} characters, without colons, tabs, line breaks and"
            f" spaces around them or doubled: not {name!r}",
        )
