"""What DocuSign says about a contract. Gates count per contract: an old one never touches a newer one."""

from events.contract.values import Fact, Identifier, Instant


class ContractChanged(Fact, frozen=True):
    """Something happened to a contract; the event's type says what.

    `sent_at` is when the contract went out, where the sender knows it: the quote of that moment is the
    one that was signed.
    """

    contract_id: Identifier
    deal_id: Identifier
    at: Instant
    reason: str | None = None
    sent_at: Instant | None = None
