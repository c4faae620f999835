"""Facts about the review of suggestions: what people decided about an account or a product, beside mapping it."""

from typing import Literal

from events.contract.administration import Actor
from events.contract.matching import (
    MAPPING_SUGGESTED,
    PRODUCT_SUGGESTED,
    MappingEvidence,
    MappingSuggested,
    ProductSuggested,
)
from events.contract.unmatched import (
    ACCOUNT_UNMATCHED,
    COMPARISON_REQUESTED,
    PRODUCT_COMPARISON_REQUESTED,
    PRODUCT_UNMATCHED,
    AccountUnmatched,
    ComparisonRequested,
    ProductComparisonRequested,
    ProductUnmatched,
)
from events.contract.values import Fact, Identifier, Percent

MAPPING_REJECTED = "com.coeffection.mapping.rejected.v1"
MAPPING_LINKED = "com.coeffection.mapping.linked.v1"
MAPPING_BROUGHT = "com.coeffection.mapping.brought.v1"
BROUGHT_REFUSED = "com.coeffection.mapping.brought-refused.v1"
MAPPING_MOVED = "com.coeffection.mapping.moved.v1"
PRODUCT_MOVED = "com.coeffection.product.moved.v1"
ACCOUNT_IGNORED = "com.coeffection.account.ignored.v1"
ACCOUNT_UNIGNORED = "com.coeffection.account.unignored.v1"
PRODUCT_REJECTED = "com.coeffection.mapping.product-rejected.v1"
PRODUCT_LINKED = "com.coeffection.mapping.product-linked.v1"
PRODUCT_IGNORED = "com.coeffection.product.ignored.v1"
PRODUCT_UNIGNORED = "com.coeffection.product.unignored.v1"

Refusal = Literal["customer_taken", "account_mapped", "pair_rejected", "account_ignored"]


class MappingRejected(Fact, frozen=True):
    """A person said that a customer is not this account's: it is never suggested for it again."""

    account_id: Identifier
    realm: Identifier
    customer_id: Identifier
    by: Actor
    evidence: MappingEvidence | None = None


class MappingLinked(Fact, frozen=True):
    """The worker linked an account to the suggested customer by itself, since its score was at least `auto_link`, in percent.

    A person's decision replaces the link, also a later one.
    """

    account_id: Identifier
    realm: Identifier
    customer_id: Identifier
    auto_link: Percent
    evidence: MappingEvidence
    by: Actor = "automatic"


class MappingBrought(Fact, frozen=True):
    """An account was linked to a customer, since the CRM's snapshot of the account brings it.

    A person's decision replaces the link, also a later one.
    """

    account_id: Identifier
    realm: Identifier
    customer_id: Identifier
    by: Actor = "crm"


class BroughtRefused(Fact, frozen=True):
    """The CRM's snapshot of an account brings a customer, and the account was not linked to it.

    `reason` is `customer_taken` if the customer is another account's, which is `holder`; `account_mapped` if the account
    has the customer `holder`; `pair_rejected` if a person said that the account is not this customer; `account_ignored` if
    a person said that the account gets none.
    """

    account_id: Identifier
    realm: Identifier
    customer_id: Identifier
    reason: Refusal
    holder: Identifier | None = None


class MappingMoved(Fact, frozen=True):
    """The mapping of an account was moved from the customer `merged`, since that was merged into `customer_id` in QuickBooks.

    It is still the decision of the person, or of the worker, that made it.
    """

    account_id: Identifier
    realm: Identifier
    customer_id: Identifier
    merged: Identifier


class ProductMoved(Fact, frozen=True):
    """The mapping of a product was moved from the item `merged`, since that was merged into `item_id` in QuickBooks."""

    product_id: Identifier
    realm: Identifier
    item_id: Identifier
    merged: Identifier


class AccountIgnored(Fact, frozen=True):
    """A person said that an account gets no customer: none is suggested, until a person maps or un-ignores it."""

    account_id: Identifier
    by: Actor
    why: str | None = None


class AccountUnignored(Fact, frozen=True):
    """A person said that an account is no longer ignored."""

    account_id: Identifier
    by: Actor


class ProductRejected(Fact, frozen=True):
    """A person said that an item is not this product: it is never suggested for it again."""

    product_id: Identifier
    realm: Identifier
    item_id: Identifier
    by: Actor
    evidence: MappingEvidence | None = None


class ProductLinked(Fact, frozen=True):
    """The worker linked a product to the suggested item by itself, since its score was at least `auto_link`, in percent.

    A person's decision replaces the link, also a later one.
    """

    product_id: Identifier
    realm: Identifier
    item_id: Identifier
    auto_link: Percent
    evidence: MappingEvidence
    by: Actor = "automatic"


class ProductIgnored(Fact, frozen=True):
    """A person said that a product gets no item: none is suggested or created, until a person maps or un-ignores it."""

    product_id: Identifier
    by: Actor
    why: str | None = None


class ProductUnignored(Fact, frozen=True):
    """A person said that a product is no longer ignored."""

    product_id: Identifier
    by: Actor


# The events in the streams of accounts, with their data.
OF_ACCOUNTS: dict[str, type[Fact]] = {
    MAPPING_SUGGESTED: MappingSuggested,
    COMPARISON_REQUESTED: ComparisonRequested,
    ACCOUNT_UNMATCHED: AccountUnmatched,
    MAPPING_REJECTED: MappingRejected,
    MAPPING_LINKED: MappingLinked,
    MAPPING_BROUGHT: MappingBrought,
    BROUGHT_REFUSED: BroughtRefused,
    MAPPING_MOVED: MappingMoved,
    ACCOUNT_IGNORED: AccountIgnored,
    ACCOUNT_UNIGNORED: AccountUnignored,
}
# The events in the streams of products, with their data.
OF_PRODUCTS: dict[str, type[Fact]] = {
    PRODUCT_SUGGESTED: ProductSuggested,
    PRODUCT_COMPARISON_REQUESTED: ProductComparisonRequested,
    PRODUCT_UNMATCHED: ProductUnmatched,
    PRODUCT_REJECTED: ProductRejected,
    PRODUCT_LINKED: ProductLinked,
    PRODUCT_MOVED: ProductMoved,
    PRODUCT_IGNORED: ProductIgnored,
    PRODUCT_UNIGNORED: ProductUnignored,
}
