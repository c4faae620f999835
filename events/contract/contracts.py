"""Events about contracts from DocuSign. Gates are checked per contract: an old contract never affects a newer one."""

from events.contract.values import Fact, Identifier, Instant


class ContractChanged(Fact, frozen=True):
    """A contract was sent, delivered, signed, declined or voided; the event's type says which.

    `sent_at` is when the contract was sent, if the sender knows it: the customer signs the quote of that moment.
    """

    contract_id: Identifier
    deal_id: Identifier
    at: Instant
    reason: str | None = None
    sent_at: Instant | None = None
