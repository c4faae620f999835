"""The two kinds that people review: accounts, which get customers in QuickBooks, and products, which get items."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from events.contract import catalog
from events.contract.administration import AccountMapped, ProductMapped
from events.contract.matching import MappingEvidence
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    MAPPING_REJECTED,
    PRODUCT_IGNORED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
    AccountIgnored,
    AccountUnignored,
    MappingRejected,
    ProductIgnored,
    ProductRejected,
    ProductUnignored,
)
from events.contract.values import Fact
from worker.actions.admin import ActionRefused, Admin
from worker.actions.mappings import request_customer, request_item
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import creators, holders
from worker.quote_to_cash.customers.naming import account_name
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.items.state import Product, product_name
from worker.quote_to_cash.view import View


class ChosenTarget(Struct, frozen=True):
    """The customer that an account is mapped to, or the item that a product is mapped to.

    Attributes:
        subject: The ID of the account or product.
        target: The ID of the customer or item.
        by: The person who chose it.
        realm: Its company; default: the connected one.
        currency: Of an account: the mapping is for deals in this currency; default: for all deals.
        also: Of an account: whether the customer may be another account's; this one is then linked for invoices only.
    """

    subject: str
    target: str
    by: str
    realm: str | None = None
    currency: str | None = None
    also: bool = False


class ReviewedKind(Struct, frozen=True):
    """Accounts with customers, or products with items.

    Attributes:
        noun: `account` or `product`; the name of their streams, too.
        target: `customer` or `item`.
        a_target: The same with its article.
        state: The class of their state.
        name: Returns the name of one in the CRM, with its ID.
        mapped: Returns the event that maps one to the target of a choice.
        rejected: Makes the fact that a target was rejected, from the IDs of subject, company and target, the person and
            the evidence; with the type of its event.
        ignored: Makes the fact that one is ignored, from its ID, the person and the reason; with the type of its event.
        unignored: Makes the fact that it no longer is, from its ID and the person; with the type of its event.
        create: Requests that its target is created.
    """

    noun: str
    target: str
    a_target: str
    state: type[Account | Product]
    name: Callable[[View, str], str]
    mapped: Callable[[View, ChosenTarget], tuple[str, Fact]]
    rejected: tuple[str, Callable[[str, str, str, str, MappingEvidence | None], Fact]]
    ignored: tuple[str, Callable[[str, str, str | None], Fact]]
    unignored: tuple[str, Callable[[str, str], Fact]]
    create: Callable[[Admin, str], Awaitable[int]]


def _account_mapped(view: View, choice: ChosenTarget) -> tuple[str, Fact]:
    account_id, customer_id, currency = choice.subject, choice.target, choice.currency
    realm = choice.realm or view.get(WorkspaceState).realm
    if not choice.also:
        _check_it_is_free(view, account_id, customer_id, realm, currency)
    evidence = view.get(Account, account_id).evidence(realm, customer_id)
    mapped = AccountMapped(account_id, customer_id, choice.by, currency, choice.realm, evidence, choice.also)
    return catalog.ACCOUNT_MAPPED, mapped


def _check_it_is_free(
    view: View, account_id: str, customer_id: str, realm: str | None, currency: str | None
) -> None:
    """Raise ActionRefused if a customer is another account's, or may be the one that is being created for another account."""
    for holder in holders(view, account_id, customer_id, realm, currency):
        raise ActionRefused(
            "customer_taken",
            f"The customer {customer_id} is the account {account_name(view, holder)}'s. If this account is to be"
            " invoiced to it too, confirm that (--also)",
            "target",
        )
    for other in creators(view, account_id, customer_id, realm):
        raise ActionRefused(
            "customer_being_created",
            f"The customer {customer_id} may be the one that is being created for the account"
            f" {account_name(view, other)}: wait until that is known, or map this account to another customer. If both"
            " accounts are invoiced to it, confirm that (--also)",
            "target",
        )


def _product_mapped(view: View, choice: ChosenTarget) -> tuple[str, Fact]:
    realm = choice.realm or view.get(WorkspaceState).realm
    evidence = view.get(Product, choice.subject).evidence(realm, choice.target)
    mapped = ProductMapped(choice.subject, choice.target, choice.by, choice.realm, evidence)
    return catalog.PRODUCT_MAPPED, mapped


ACCOUNTS = ReviewedKind(
    "account",
    "customer",
    "a customer",
    Account,
    account_name,
    _account_mapped,
    (MAPPING_REJECTED, MappingRejected),
    (ACCOUNT_IGNORED, AccountIgnored),
    (ACCOUNT_UNIGNORED, AccountUnignored),
    request_customer,
)
PRODUCTS = ReviewedKind(
    "product",
    "item",
    "an item",
    Product,
    product_name,
    _product_mapped,
    (PRODUCT_REJECTED, ProductRejected),
    (PRODUCT_IGNORED, ProductIgnored),
    (PRODUCT_UNIGNORED, ProductUnignored),
    request_item,
)
KINDS = {kind.noun: kind for kind in (ACCOUNTS, PRODUCTS)}
