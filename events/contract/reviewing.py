"""Facts about the review of suggested customers: what people decided about an account, beside mapping it."""

from events.contract.administration import Actor
from events.contract.matching import MAPPING_SUGGESTED, MappingEvidence, MappingSuggested
from events.contract.values import Fact, Identifier, Percent

MAPPING_REJECTED = "com.coeffection.mapping.rejected.v1"
MAPPING_LINKED = "com.coeffection.mapping.linked.v1"
ACCOUNT_IGNORED = "com.coeffection.account.ignored.v1"
ACCOUNT_UNIGNORED = "com.coeffection.account.unignored.v1"


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


class AccountIgnored(Fact, frozen=True):
    """A person said that an account gets no customer: none is suggested, until a person maps or un-ignores it."""

    account_id: Identifier
    by: Actor
    why: str | None = None


class AccountUnignored(Fact, frozen=True):
    """A person said that an account is no longer ignored."""

    account_id: Identifier
    by: Actor


# The events in the streams of accounts, with their data.
OF_ACCOUNTS: dict[str, type[Fact]] = {
    MAPPING_SUGGESTED: MappingSuggested,
    MAPPING_REJECTED: MappingRejected,
    MAPPING_LINKED: MappingLinked,
    ACCOUNT_IGNORED: AccountIgnored,
    ACCOUNT_UNIGNORED: AccountUnignored,
}
