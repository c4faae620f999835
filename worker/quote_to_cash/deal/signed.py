"""Find the quote that was signed, from the CRM's and DocuSign's events so far.

While the signed quote is in doubt, the deal has no invoice: events arrive in any order, and an invoice can't be undone
when a later event shows another quote.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from events.contract.crm import Quote
from worker.quote_to_cash.deal.state import Contract, Deal
from worker.quote_to_cash.deal.versions import Version, one_by_one

# How long after DocuSign has sent a contract the CRM's snapshot of the sent quote may be delayed. With a longer time, a
# quote that a person edited after the sending would be taken for the sent one.
WRITTEN_DOWN_WITHIN = timedelta(minutes=1)


class Signed(Struct, frozen=True):
    """The snapshot whose quote was signed, and whether that is in doubt.

    Attributes:
        version: The snapshot; if it is in doubt, the most probable one.
        doubt: `not_shown`: the CRM has sent only drafts. `between`: the contract was sent between `version` and
            `other`, whose quotes differ.
        other: The other snapshot whose quote may be the signed one.
    """

    version: Version | None
    doubt: Literal["not_shown", "between"] | None = None
    other: Version | None = None


def signed_contract(deal: Deal) -> Contract | None:
    """Return the contract that won the deal; the last one signed, if there are several."""
    signed = [contract for contract in deal.contracts.values() if contract.status == "signed"]
    return max(signed, key=lambda contract: (contract.at, contract.contract_id), default=None)


def quote_sent(deal: Deal) -> Quote | None:
    """Return the signed quote; without a contract, the latest quote."""
    version = signed_version(deal).version
    return deal.quotes.get(version.quote) if version and version.quote else None


def signed_version(deal: Deal) -> Signed:
    """Return the snapshot with the quote of the moment at which the signed contract was sent.

    That is the last snapshot before the sending. If it is still a draft, or there is none, the CRM reported the sending
    late: then it is the CRM's first snapshot in stage Contract Sent or later. The same snapshot is used if the instant of
    sending is unknown. If the quote has changed since, a gate holds the deal.
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
    """Return the first snapshot from `place` on that is no draft: with it, the CRM reports that the contract was sent."""
    word = next((i for i in range(place, len(shown)) if shown[i].stage != "quote_draft"), None)
    if word is None:
        return Signed(shown[place - 1], "not_shown")
    if word and shown[word].stage != "contract_sent" and shown[word - 1].quote != shown[word].quote:
        # The CRM did not report the sending itself, and the quote changed around it.
        return Signed(shown[word - 1], "between", shown[word])
    return Signed(shown[word])


def _replaced(deal: Deal, contract: Contract, sending: datetime) -> Contract | None:
    """Return the contract that was sent before this one; a contract with an unknown date may have been."""
    others = [
        other
        for other in deal.contracts.values()
        if other.contract_id != contract.contract_id and (other.sent_at is None or other.sent_at <= sending)
    ]
    return max(others, key=lambda other: (other.sent_at or other.at, other.contract_id), default=None)


def _sent_again(
    deal: Deal, contract: Contract, replaced: Contract, shown: Sequence[Version], place: int
) -> Signed:
    """Find the quote with which a further contract was sent, if the deal was no draft any more.

    If the quote had changed since the earlier contract was sent, it is the changed quote. Otherwise it is the same quote,
    unless the CRM's next snapshot has another quote and was written at the time of sending.
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
    """Return the snapshot that was current at an instant; if it was a draft, the first later one that is none."""
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
