"""An account as suggesting compares it, and the folds of its events."""

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import AccountMapped
from events.contract.announcements import CustomerCommanded
from events.contract.crm import AccountUpdated
from events.contract.matching import MAPPING_SUGGESTED, MappingSuggested
from events.contract.quickbooks import CustomerCreated
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    MAPPING_BROUGHT,
    MAPPING_LINKED,
    MAPPING_MOVED,
    MAPPING_REJECTED,
    MappingBrought,
)
from events.contract.unmatched import (
    ACCOUNT_UNMATCHED,
    COMPARISON_REQUESTED,
    ComparisonRequested,
)
from worker.matching.index import SoughtAccount
from worker.suggesting.entries import (
    Entry,
    EntryFolds,
    LinkedTarget,
    answered,
    comparison_requested,
    ignored,
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
)


class AccountEntry(Entry, frozen=True):
    """An account.

    Attributes:
        revision: The revision of its last snapshot; -1 if there is none.
        account: Its data from the CRM.
        suggested: The last suggestion.
        commanded: The name of the customer that was last commanded for it.
    """

    revision: int = -1
    account: SoughtAccount | None = None
    suggested: MappingSuggested | None = None
    compared: ComparisonRequested | None = None
    commanded: str | None = None

    @property
    def sought(self) -> SoughtAccount | None:
        """Its data from the CRM."""
        return self.account


def _updated(entry: AccountEntry, snapshot: AccountUpdated) -> AccountEntry:
    if snapshot.revision <= entry.revision:
        return entry
    sought = SoughtAccount(
        snapshot.account_id,
        snapshot.name,
        email=snapshot.email,
        domain=snapshot.domain,
        phone=snapshot.phone,
        tax_id=snapshot.tax_id,
        currency=snapshot.currency,
    )
    return replace(entry, revision=snapshot.revision, account=sought)


def _linked(entry: AccountEntry, by: AccountMapped | CustomerCreated) -> AccountEntry:
    """Return an account with a customer, instead of the one for the same currency; or of all, if it is for every currency."""
    also = isinstance(by, AccountMapped) and by.also
    link = LinkedTarget(by.customer_id, by.realm, also, currency=by.currency)
    kept = (
        each
        for each in entry.links
        if not (each.is_persons and each.realm == link.realm and link.currency in {None, each.currency})
    )
    return linked(entry, link, tuple(kept))


def _created(entry: AccountEntry, created: CustomerCreated) -> AccountEntry:
    """Return an account with a created customer, unless a person has mapped or ignored it since one was last requested."""
    fitting = {None, created.currency}
    is_mapped = any(
        link.is_persons and link.realm == created.realm and link.currency in fitting for link in entry.links
    )
    if was_decided_since(entry, is_mapped=is_mapped):
        return replace(entry, is_requested=False)
    return _linked(entry, created)


def _commanded(entry: AccountEntry, command: CustomerCommanded) -> AccountEntry:
    return replace(entry, is_requested=True, commanded=command.display_name)


def _brought(entry: AccountEntry, brought: MappingBrought) -> AccountEntry:
    """Link it to the customer that the CRM brought, instead of those that no person chose."""
    kept = (
        each for each in entry.links if not (each.realm == brought.realm and (each.by_itself or each.by_crm))
    )
    return replace(entry, links=(*kept, LinkedTarget(brought.customer_id, brought.realm, by_crm=True)))


FOLDS: EntryFolds = {
    catalog.ACCOUNT_UPDATED: _updated,
    catalog.ACCOUNT_MAPPED: lambda entry, fact: withdrawing(_linked(entry, fact)),
    catalog.CUSTOMER_CREATED: _created,
    catalog.CUSTOMER_REQUESTED: requested,
    catalog.CUSTOMER_COMMANDED: _commanded,
    catalog.COMMAND_REJECTED: refused,
    MAPPING_SUGGESTED: suggested,
    COMPARISON_REQUESTED: comparison_requested,
    ACCOUNT_UNMATCHED: answered,
    MAPPING_REJECTED: lambda entry, fact: rejected(entry, fact.customer_id, fact.realm),
    MAPPING_LINKED: lambda entry, fact: linked_by_itself(entry, fact.customer_id, fact.realm),
    MAPPING_BROUGHT: _brought,
    MAPPING_MOVED: lambda entry, fact: moved(entry, fact.merged, fact.customer_id, fact.realm),
    ACCOUNT_IGNORED: ignored,
    ACCOUNT_UNIGNORED: unignored,
}
