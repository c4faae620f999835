"""Facts about accounts without a customer, products without an item, and customers without an account: nothing is like them."""

from events.contract.crm import Address
from events.contract.quickbooks import CustomerObserved
from events.contract.values import Currency, Fact, Identifier, Revision

COMPARISON_REQUESTED = "com.coeffection.mapping.comparison-requested.v1"
ACCOUNT_UNMATCHED = "com.coeffection.mapping.unmatched.v1"
PRODUCT_COMPARISON_REQUESTED = "com.coeffection.mapping.product-comparison-requested.v1"
PRODUCT_UNMATCHED = "com.coeffection.mapping.product-unmatched.v1"
OFFERING_CHANGED = "com.coeffection.mapping.offering-changed.v1"
CUSTOMER_UNMATCHED = "com.coeffection.mapping.customer-unmatched.v1"
ACCOUNT_CREATED_FROM_CUSTOMER = "com.coeffection.account.created-from-customer.v1"


class ComparisonRequested(Fact, frozen=True):
    """Before a customer is created without a person, the account is compared with all customers of the company once more.

    `number` counts the account's requests.
    """

    account_id: Identifier
    realm: Identifier
    number: Revision


class AccountUnmatched(Fact, frozen=True):
    """The answer to a request: no customer that was observed before this event is like the account, as it was until then."""

    account_id: Identifier
    realm: Identifier
    number: Revision


class ProductComparisonRequested(Fact, frozen=True):
    """Before an item is created without a person, the product is compared with all items of the company once more.

    `number` counts the product's requests.
    """

    product_id: Identifier
    realm: Identifier
    number: Revision


class ProductUnmatched(Fact, frozen=True):
    """The answer to a request: no item that was observed before this event is like the product, as it was called until then."""

    product_id: Identifier
    realm: Identifier
    number: Revision


class OfferingChanged(Fact, frozen=True):
    """Customers of a company that belong to no account are offered to the CRM from now on, or no longer.

    `number` counts these events.
    """

    realm: Identifier
    offered: bool
    number: Revision


class CustomerUnmatched(Fact, frozen=True):
    """A customer belongs to no account, and none is like it, of all that arrived before this event."""

    realm: Identifier
    customer_id: Identifier
    customer: CustomerObserved


class AccountCreatedFromCustomer(Fact, frozen=True):
    """A customer in QuickBooks is offered to the CRM as a new account.

    The CRM creates the account, and says so by `customer` in the account's snapshot. `fields` has the customer's name, e-mail
    address, phone number and addresses, as far as it has them.
    """

    realm: Identifier
    customer_id: Identifier
    fields: dict[str, str | Address]
    currency: Currency | None = None
