"""Which quote was signed, as far as it can be told from what the CRM and DocuSign have said so far.

What is not known yet holds the invoice: events come in any order, and an invoice can't be taken back when
the next one tells more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from events.contract.crm import Quote
from worker.quote_to_cash.deal.state import Contract, Deal
from worker.quote_to_cash.deal.versions import Version, one_by_one

# How long after DocuSign sent a contract the CRM may still be writing down what it sent. Longer, and a
# quote that a person edited after sending would pass for the one that was sent.
WRITTEN_DOWN_WITHIN = timedelta(minutes=1)


class Signed(Struct, frozen=True):
    """The snapshot whose quote was signed, and what is doubtful about that.

    Attributes:
        version: The snapshot; where there is doubt, the one that is the likeliest.
        doubt: `not_shown`: the CRM has shown nothing but drafts. `between`: it went out between `version`
            and `other`, whose quotes differ.
        other: The other snapshot whose quote might be the signed one.
    """

    version: Version | None
    doubt: Literal["not_shown", "between"] | None = None
    other: Version | None = None


def signed_contract(deal: Deal) -> Contract | None:
    """Return the contract that won the deal; the last one signed, if there are several."""
    signed = [contract for contract in deal.contracts.values() if contract.status == "signed"]
    return max(signed, key=lambda contract: (contract.at, contract.contract_id), default=None)


def quote_sent(deal: Deal) -> Quote | None:
    """Return the quote that was signed; without a contract, the latest one."""
    version = signed_version(deal).version
    return deal.quotes.get(version.quote) if version and version.quote else None


def signed_version(deal: Deal) -> Signed:
    """Find the snapshot that shows the quote as it was when the signed contract was sent.

    That is the last one before the sending. If it is still a draft, or there is none, the CRM had not said
    yet that the contract went out: its first snapshot from Contract Sent on says it. That one holds too
    where the instant of sending is not known; should the quote have changed since, the deal is held.
    """
    contract = signed_contract(deal)
    shown = one_by_one([version for version in deal.versions if version.quote is not None])
    if contract is None or not shown:
        return Signed(shown[-1] if shown else None)
    latest_sending = contract.sent_at or contract.at
    replaced = _replaced(deal, contract, latest_sending)
    if contract.sent_at is None and replaced is None:
        return _first_word(shown, 0)
    place = sum(version.time <= latest_sending for version in shown)
    if not place or shown[place - 1].stage == "quote_draft":
        return _first_word(shown, place)
    if replaced is None:
        return Signed(shown[place - 1])
    return _sent_again(deal, contract, replaced, shown, place)


def _first_word(shown: Sequence[Version], place: int) -> Signed:
    """Take the first snapshot past draft of those from `place` on: the CRM's word that it was sent."""
    word = next((i for i in range(place, len(shown)) if shown[i].stage != "quote_draft"), None)
    if word is None:
        return Signed(shown[place - 1], "not_shown")
    if word and shown[word].stage != "contract_sent" and shown[word - 1].quote != shown[word].quote:
        # The CRM's word on the sending itself is missing, and the quote changed around it.
        return Signed(shown[word - 1], "between", shown[word])
    return Signed(shown[word])


def _replaced(deal: Deal, contract: Contract, sending: datetime) -> Contract | None:
    """Return the contract that was out before this one. One that nobody dated may have been."""
    others = [
        other
        for other in deal.contracts.values()
        if other.contract_id != contract.contract_id and (other.sent_at is None or other.sent_at <= sending)
    ]
    return max(others, key=lambda other: (other.sent_at or other.at, other.contract_id), default=None)


def _sent_again(
    deal: Deal, contract: Contract, replaced: Contract, shown: Sequence[Version], place: int
) -> Signed:
    """Tell which quote a further contract went out with, when the CRM was past draft before.

    A quote that had changed since the contract before was sent is what this one is for. Otherwise it is the
    same quote, unless the CRM's next snapshot shows another that was written down as it was sent.
    """
    at = shown[place - 1]
    offered = _in_force(shown, min(replaced.sent_at or replaced.at, contract.sent_at or contract.at))
    if offered.quote != at.quote:
        return Signed(at) if contract.sent_at else Signed(offered, "between", at)
    following = shown[place] if place < len(shown) else at
    if following.quote == at.quote:
        return Signed(at)
    if _is_written_down(deal, contract, following):
        return Signed(following)
    return Signed(at, "between", following)


def _in_force(shown: Sequence[Version], instant: datetime) -> Version:
    """Return the offer of an instant; the first one past draft after it, if it was a draft."""
    for version, following in pairwise(shown):
        if following.time > instant and version.stage != "quote_draft":
            return version
    return shown[-1]


def _is_written_down(deal: Deal, contract: Contract, following: Version) -> bool:
    if contract.sent_at is None or following.stage != "contract_sent":
        return False
    others = (other.sent_at for other in deal.contracts.values() if other.sent_at is not None)
    another = any(contract.sent_at < sent_at <= following.time for sent_at in others)
    return not another and following.time - contract.sent_at <= WRITTEN_DOWN_WITHIN
