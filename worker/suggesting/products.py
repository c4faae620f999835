"""Products and items, as suggesting compares them. Several products may have one item."""

from collections.abc import Iterable

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import ProductMapped
from events.contract.announcements import ItemCommanded
from events.contract.crm import QuoteLine
from events.contract.matching import PRODUCT_SUGGESTED, CandidateItem, ProductSuggested
from events.contract.quickbooks import NOT_FOR_SALE, ItemCreated, ItemObserved
from events.contract.reviewing import (
    PRODUCT_IGNORED,
    PRODUCT_LINKED,
    PRODUCT_MOVED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
)
from events.contract.unmatched import (
    PRODUCT_COMPARISON_REQUESTED,
    PRODUCT_UNMATCHED,
    ProductComparisonRequested,
)
from events.contract.values import Amount, Percent
from worker.matching.products import ItemIndex, KnownItem, SoughtProduct
from worker.matching.suggestions import Suggested, Suggestion
from worker.suggesting.entries import (
    Entry,
    EntryFolds,
    LinkedTarget,
    answered,
    comparison_requested,
    ignored,
    is_said,
    linked,
    linked_by_itself,
    moved,
    refused,
    rejected,
    requested,
    suggested,
    unignored,
    was_decided_since,
    withdrawing,
    written,
)
from worker.suggesting.pairing import Pairing


class ProductEntry(Entry, frozen=True):
    """A product, named as in the last quote."""

    product: SoughtProduct | None = None
    suggested: ProductSuggested | None = None
    compared: ProductComparisonRequested | None = None

    @property
    def sought(self) -> SoughtProduct | None:
        """Its data from the CRM."""
        return self.product


def _quoted(entry: ProductEntry, line: QuoteLine) -> ProductEntry:
    return replace(entry, product=SoughtProduct(line.product_id, line.name, line.sku))


def _linked(entry: ProductEntry, by: ProductMapped | ItemCreated) -> ProductEntry:
    """Return a product with its item; it has one in each company."""
    others = (each for each in entry.links if each.realm != by.realm)
    return linked(entry, LinkedTarget(by.item_id, by.realm), tuple(others))


def _created(entry: ProductEntry, created: ItemCreated) -> ProductEntry:
    """Return a product with a created item, unless a person has mapped or ignored it since one was last requested."""
    is_mapped = any(link.is_persons and link.realm == created.realm for link in entry.links)
    if was_decided_since(entry, is_mapped=is_mapped):
        return replace(entry, is_requested=False)
    return _linked(entry, created)


def _commanded(entry: ProductEntry, _: ItemCommanded) -> ProductEntry:
    return replace(entry, is_requested=True)


FOLDS: EntryFolds = {
    catalog.DEAL_UPDATED: _quoted,
    catalog.PRODUCT_MAPPED: lambda entry, fact: withdrawing(_linked(entry, fact)),
    catalog.ITEM_CREATED: _created,
    catalog.ITEM_REQUESTED: requested,
    catalog.ITEM_COMMANDED: _commanded,
    catalog.COMMAND_REJECTED: refused,
    PRODUCT_SUGGESTED: suggested,
    PRODUCT_COMPARISON_REQUESTED: comparison_requested,
    PRODUCT_UNMATCHED: answered,
    PRODUCT_REJECTED: lambda entry, fact: rejected(entry, fact.item_id, fact.realm),
    PRODUCT_LINKED: lambda entry, fact: linked_by_itself(entry, fact.item_id, fact.realm),
    PRODUCT_MOVED: lambda entry, fact: moved(entry, fact.merged, fact.item_id, fact.realm),
    PRODUCT_IGNORED: ignored,
    PRODUCT_UNIGNORED: unignored,
}


class ProductPairing(Pairing[ItemObserved, KnownItem, SoughtProduct, ProductEntry]):
    """The items of a company, and the products of its workspace."""

    new_index = ItemIndex

    def known(self, observed: ItemObserved) -> KnownItem | None:
        """Return an item as the matcher knows it; None if it can't be on a line."""
        if observed.name is None or observed.type in NOT_FOR_SALE:
            return None
        return KnownItem(
            observed.item_id,
            observed.name,
            full_name=observed.full_name,
            sku=observed.sku,
            active=observed.active,
            has_income_account=observed.income_account_id is not None,
        )

    def as_known(self, sought: SoughtProduct) -> KnownItem:
        """Return a product as an item, to be found by items' names."""
        return KnownItem(sought.id, sought.name, sku=sought.sku)

    def as_sought(self, known: KnownItem) -> Iterable[SoughtProduct]:
        """Yield an item as a product, by each of its names."""
        for name in {known.name, known.full_name or "", *known.learned} - {""}:
            yield SoughtProduct(known.id, name, known.sku)

    def answer(self, entry: ProductEntry, found: Suggestion) -> ProductSuggested | None:
        """Return the next suggestion of a product; None if the product is the same, and the last one says the same."""
        if entry.product is None:
            return None
        next_one = ProductSuggested(
            product_id=found.sought,
            name=entry.product.name,
            sku=entry.product.sku,
            realm=self.realm,
            number=entry.number + 1,
            verdict=found.decision,
            matcher=found.matcher,
            candidates=tuple(self._candidate(each) for each in found.nearest),
            runner_up=found.runner_up.id if found.runner_up else None,
            margin=Amount(str(found.margin)),
        )
        return None if is_said(entry.suggested, next_one, "name", "sku") else next_one

    def _candidate(self, found: Suggested) -> CandidateItem:
        called = self.known_one(found.id).called
        return CandidateItem(
            item_id=found.id,
            item_name=called,
            score=Percent(str(found.score)),
            rank=Amount(str(found.rank)),
            reasons=found.reasons,
            name=None if found.name == called else found.name,
            features=written(found.features),
        )
