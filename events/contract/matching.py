"""Facts about which customer an account could be, and which item a product: suggestions of the matcher, with their evidence."""

from typing import Literal

from events.contract.values import Amount, Fact, Identifier, Name, Percent, Revision

MAPPING_SUGGESTED = "com.coeffection.mapping.suggested.v1"
PRODUCT_SUGGESTED = "com.coeffection.mapping.product-suggested.v1"
MAPPINGS_COMPARED = "com.coeffection.mappings.compared.v1"

Verdict = Literal["link", "review", "none"]


class CandidateCustomer(Fact, frozen=True):
    """A customer that an account could be.

    Attributes:
        customer_id: Its ID in QuickBooks.
        display_name: Its display name.
        score: The probability that the names are one company's, in percent.
        rank: The score with points added for identifiers and taken for circumstances.
        reasons: The codes of the evidence, as in docs/matching.md.
        name: The name of it that was found most alike, if that is not the display name.
        features: The features of the names, each from 0 to 1; none if the names are the same.
    """

    customer_id: Identifier
    display_name: Name
    score: Percent
    rank: Amount
    reasons: tuple[Identifier, ...] = ()
    name: Name | None = None
    features: dict[str, Amount] | None = None

    @property
    def target(self) -> str:
        """The customer's ID."""
        return self.customer_id

    @property
    def target_name(self) -> str:
        """The customer's display name."""
        return self.display_name


class CandidateItem(Fact, frozen=True):
    """An item that a product could be; the fields are those of `CandidateCustomer`.

    Attributes:
        item_id: Its ID in QuickBooks.
        item_name: Its name, with its categories: `Software:Seat`.
        score: The probability that the names are one product's, in percent.
        rank: The score with points added for identifiers and taken for circumstances.
        reasons: The codes of the evidence, as in docs/matching.md.
        name: The name of it that was found most alike, if that is not `item_name`.
        features: The features of the names, each from 0 to 1; none if the names are the same.
    """

    item_id: Identifier
    item_name: Name
    score: Percent
    rank: Amount
    reasons: tuple[Identifier, ...] = ()
    name: Name | None = None
    features: dict[str, Amount] | None = None

    @property
    def target(self) -> str:
        """The item's ID."""
        return self.item_id

    @property
    def target_name(self) -> str:
        """The item's name, with its categories."""
        return self.item_name


class MappingEvidence(Fact, frozen=True):
    """The evidence for a customer or an item as it was shown when a person, or the worker, decided about it.

    Attributes:
        number: The number of the suggestion.
        score: The score of the customer or item, in percent.
        margin: The margin of the suggestion, in points.
        matcher: The version of the matcher.
        reasons: The codes of the evidence.
        features: The features of the names.
    """

    number: Revision
    score: Percent
    margin: Amount
    matcher: Revision
    reasons: tuple[Identifier, ...] = ()
    features: dict[str, Amount] | None = None


class MappingSuggested(Fact, frozen=True):
    """The matcher's answer for an account, when its best candidate or the verdict is another one than before.

    Attributes:
        account_id: The account.
        realm: The company of the customers.
        number: How many suggestions the account has had, with this one.
        verdict: `link` if the first candidate can be linked without a person, `review` if a person decides, or `none`.
        matcher: The version of the matcher.
        candidates: The nearest customers, best first; with the verdict `none`, none of them is good enough.
        runner_up: The ID of the next customer after the suggested one.
        margin: The distance of their ranks, in points; of the first one's rank, if there is no runner-up.
        duplicate: Whether the suggested customer and the runner-up are probably duplicates of each other.
    """

    account_id: Identifier
    realm: Identifier
    number: Revision
    verdict: Verdict
    matcher: Revision
    candidates: tuple[CandidateCustomer, ...] = ()
    runner_up: Identifier | None = None
    margin: Amount = Amount(0)
    duplicate: bool = False

    @property
    def twin(self) -> CandidateCustomer | None:
        """The runner-up, if it is probably a duplicate of the suggested customer."""
        if not self.duplicate:
            return None
        return next((each for each in self.candidates if each.customer_id == self.runner_up), None)

    @property
    def best(self) -> CandidateCustomer | None:
        """The suggested customer; None if the verdict is `none`."""
        return self.candidates[0] if self.candidates and self.verdict != "none" else None

    def evidence(self, customer_id: str) -> MappingEvidence | None:
        """Return the evidence for one of the candidates; None for another customer."""
        return _evidence(self, customer_id)


class ProductSuggested(Fact, frozen=True):
    """The matcher's answer for a product, when the product, its best candidate or the verdict is another one than before.

    The fields that are not explained are those of `MappingSuggested`.

    Attributes:
        product_id: The product.
        name: Its name when it was compared.
        sku: Its SKU when it was compared.
        realm: The company of the items.
        number: How many suggestions the product has had, with this one.
        verdict: `link`, `review` or `none`.
        matcher: The version of the matcher.
        candidates: The nearest items, best first.
        runner_up: The ID of the next item after the suggested one.
        margin: The distance of their ranks, in points.
    """

    product_id: Identifier
    name: Name
    realm: Identifier
    number: Revision
    verdict: Verdict
    matcher: Revision
    sku: str | None = None
    candidates: tuple[CandidateItem, ...] = ()
    runner_up: Identifier | None = None
    margin: Amount = Amount(0)

    @property
    def best(self) -> CandidateItem | None:
        """The suggested item; None if the verdict is `none`."""
        return self.candidates[0] if self.candidates and self.verdict != "none" else None

    def evidence(self, item_id: str) -> MappingEvidence | None:
        """Return the evidence for one of the candidates; None for another item."""
        return _evidence(self, item_id)


class Verdicts(Fact, frozen=True):
    """The verdicts on accounts or products; `decided` counts those that have a customer or item, wait for one, or are ignored."""

    link: int = 0
    review: int = 0
    none: int = 0
    decided: int = 0


class MappingsCompared(Fact, frozen=True):
    """Every account was compared with the company's customers, and every product with its items.

    That is done after a sync that reads everything, after another company was connected, and by a new matcher.
    """

    realm: Identifier
    matcher: Revision
    accounts: Verdicts = Verdicts()
    products: Verdicts = Verdicts()


def _evidence(suggested: MappingSuggested | ProductSuggested, target: str) -> MappingEvidence | None:
    found = next((each for each in suggested.candidates if each.target == target), None)
    if found is None:
        return None
    return MappingEvidence(
        suggested.number, found.score, suggested.margin, suggested.matcher, found.reasons, found.features
    )
