"""A person's requests for customers: is a customer still to be created, and with which name and currency."""

from events.contract.quickbooks import CompanyObserved
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.creation import CannotCreate, check_name, company_waits_for, may_be_created
from worker.quote_to_cash.customers.body import DISPLAY_NAME_CHARACTERS_MAX
from worker.quote_to_cash.customers.state import Account, Link
from worker.quote_to_cash.deal.state import Deal
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.texts import distinct, one_line
from worker.quote_to_cash.view import View


def customer_is_wanted(view: View, account_id: str, company: CompanyObserved) -> bool:
    """Return whether a person's request for a customer is answered neither by a command nor by a mapping."""
    account = view.get(Account, account_id)
    if account.wish is None or not may_be_created(account, company.realm):
        return False
    link = _fitting(
        view, account, company.realm, new_currency(view, account_id, company, account.wish.currency)
    )
    return link is None or link.customer_id == account.wish.instead_of


def new_currency(view: View, account_id: str, company: CompanyObserved, asked: str | None) -> str | None:
    """Return the currency of a new customer; None if the company has only one.

    QuickBooks bills a customer in one currency for ever: the one that a person chose, or else the currency of a deal that
    waits for a customer.
    """
    if not company.multicurrency or asked is not None:
        return asked if company.multicurrency else None
    account = view.get(Account, account_id)
    waiting = (stream.partition("/") for stream in view.waiting(f"account/{account_id}"))
    deals = (view.get(Deal, subject).latest for kind, _, subject in waiting if kind == "deal")
    currencies = sorted({latest.currency for latest in deals if latest is not None})
    lacking = (c for c in currencies if _fitting(view, account, company.realm, c) is None)
    of_account = account.latest.currency if account.latest else None
    return next(lacking, None) or of_account or company.home_currency


def new_name(account: Account, realm: str, currency: str | None) -> str | None:
    """Return the name of a new customer; an account's second customer has its currency in it, since names are unique."""
    if account.wish is not None and account.wish.name is not None:
        return account.wish.name
    others = [link for link in account.links if link.realm == realm and link.currency not in (None, currency)]
    if account.latest is None or currency is None or not others:
        return None
    suffix = f" ({currency})"
    return distinct(one_line(account.latest.name), DISPLAY_NAME_CHARACTERS_MAX - len(suffix)) + suffix


def check_customer(view: View, account_id: str, currency: str | None, name: str | None) -> str | None:
    """Check that a customer would be created; return the ID of the unusable customer that it replaces, if any.

    Raises:
        CannotCreate: The account has a usable customer, the company has no such currency, or the name is invalid.
    """
    check_name(name, DISPLAY_NAME_CHARACTERS_MAX)
    account, workspace = view.get(Account, account_id), view.get(WorkspaceState)
    company = workspace.company
    if company is not None and not company.multicurrency and currency not in (None, company.home_currency):
        raise CannotCreate(
            "currency_not_enabled",
            f"The QuickBooks company uses only {company.home_currency}: switch on multicurrency in QuickBooks, then"
            " connect again (q2c connect)",
        )
    if company is None:
        link = account.link_in(workspace.realm, currency)
    else:
        wanted = new_currency(view, account_id, company, currency)
        link = _fitting(view, account, company.realm, wanted)
    if link is None:
        return None
    seen = view.get(Customer, f"{link.realm}/{link.customer_id}").observed if link.realm else None
    if seen is not None and not (seen.exists and seen.active):
        return link.customer_id
    called = f" ({seen.display_name})" if seen is not None else ""
    raise CannotCreate(
        "customer_exists",
        f"Account {account_id} is already mapped to QuickBooks customer {link.customer_id}{called}, so no customer is"
        f" created. Map it to another customer (q2c map {account_id} CUSTOMER_ID), or create one for another currency"
        f" (q2c map {account_id} --create --currency CODE)",
    )


def customer_waits_for(view: View, account_id: str) -> str | None:
    """Return the condition that the creation of a customer waits for, as a clause; None if it is created at once."""
    if view.get(Account, account_id).latest is None:
        return "the account has arrived from the CRM"
    return company_waits_for(view.get(WorkspaceState))


def currency_of(view: View, link: Link) -> str | None:
    """Return the currency that a customer is billed in; None if it is unknown."""
    seen = view.get(Customer, f"{link.realm}/{link.customer_id}").observed if link.realm else None
    return (seen.currency if seen else None) or link.currency


def _fitting(view: View, account: Account, realm: str, currency: str | None) -> Link | None:
    """Return the link of an account for deals in a currency, unless its customer is known to have another currency."""
    link = account.link_in(realm, currency)
    if link is None or currency is None:
        return link
    return link if currency_of(view, link) in (None, currency) else None
