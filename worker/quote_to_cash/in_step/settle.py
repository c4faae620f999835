"""Settle one field of an account and its customer: which side's value wins, and is it on its way to the other.

Each side tells its values late, and may be edited again before it has the value that it is told. So a change is measured
against the values on which both sides agreed last. QuickBooks takes an update only for the version that was seen, and its
answer is taken as agreed. The CRM is told a value and answers with a snapshot: until then, the value stays offered.
"""

from itertools import takewhile
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from events.contract.in_step import BothValues, FieldName, FieldSettlement, FieldValue, Side
from events.contract.quickbooks import Holder
from worker.quote_to_cash.in_step.meaning import is_cut, same

Rule = Literal["crm", "quickbooks", "both"]
# If another program sets the replaced value back each time, a person decides.
REPLACED_TIMES_MAX = 3
OFFERS_MAX = 8


class UpdateAnswer(Struct, frozen=True):
    """QuickBooks' answer to an update of a field: the CRM's value then, the value that was sent, and QuickBooks' value."""

    crm: FieldValue
    sent: FieldValue
    quickbooks: FieldValue


class UpdateRefusal(Struct, frozen=True):
    """QuickBooks' refusal of an update of a field to `sent`; with `of_several`, another field may be at fault."""

    sent: FieldValue
    message: str
    holder: Holder | None = None
    of_several: bool = False


class Now(Struct, frozen=True):
    """The values of a field, and all else that settles it.

    Attributes:
        field: The field.
        crm: The CRM's value.
        fitted: The CRM's value as QuickBooks can have it.
        quickbooks: QuickBooks' value.
        rule: The side whose value always wins; `both` if the side that changed wins.
        may_write: Whether customers may be changed in QuickBooks.
        may_tell: Whether the CRM may be told values.
        unfit: Why QuickBooks can't have the CRM's value; None if it can.
        outcome: The outcome of an update, once.
        take: The side that a person chose in the conflict between these values.
        retries: How many requests to try again there were.
        also_called: Another form of QuickBooks' value: the name of a sub-customer with those above it.
    """

    field: FieldName
    crm: FieldValue
    fitted: FieldValue
    quickbooks: FieldValue
    rule: Rule = "both"
    may_write: bool = True
    may_tell: bool = True
    unfit: str | None = None
    outcome: UpdateAnswer | UpdateRefusal | None = None
    take: Side | None = None
    retries: int = 0
    also_called: str | None = None

    @property
    def values(self) -> BothValues:
        """The values of both sides."""
        return BothValues(self.crm, self.quickbooks)

    def of(self, side: Side) -> FieldValue:
        """Return the value of a side."""
        return self.crm if side == "crm" else self.quickbooks


class Settled(Struct, frozen=True):
    """A settled field; whether the CRM is told QuickBooks' value now, and whether that overrules a value of the CRM."""

    field: FieldSettlement
    is_told: bool = False
    is_put_back: bool = False


def settle(before: FieldSettlement | None, now: Now) -> Settled:
    """Settle a field; nothing is to be done if the result is the settlement as it was before."""
    known = before or FieldSettlement(now.field, "off", BothValues())
    known = _taken_over(_with_outcome(known, now), now)
    if known.state != "conflict" or known.values != now.values:
        now = replace(now, take=None)  # a person decided about other values
    if _stays(known, now):
        return Settled(known)
    known = _decided(known, now)
    changed = _changed(known, now)
    winner = "neither" if _agree(now, changed) else _winner(known, now, changed)
    if winner == "neither":
        return _agreed(known, now)
    if winner is not None and not (now.may_write if winner == "crm" else now.may_tell):
        return Settled(replace(_plain(known, now), state="off"))
    known = _counted(known, now, winner, changed)
    if winner is None or (known.times > REPLACED_TIMES_MAX and len(changed - {winner}) > 0):
        return Settled(replace(_plain(known, now), state="conflict"))
    return _to_quickbooks(known, now) if winner == "crm" else _to_crm(known, now, changed)


def _with_outcome(known: FieldSettlement, now: Now) -> FieldSettlement:
    """Return a field after the outcome of its update."""
    match now.outcome:
        case UpdateAnswer(crm, sent, quickbooks):
            values = BothValues(crm, quickbooks)
            if not same(now.field, sent, quickbooks) and not is_cut(quickbooks, sent):
                message = "QuickBooks accepted the update and kept another value."
                return replace(known, state="refused", values=values, message=message, retries=now.retries)
            return replace(known, state="agreed", values=values, base=values)
        case UpdateRefusal(sent, message, holder, of_several) if sent == now.fitted:
            if of_several:
                return replace(known, alone=True)
            return replace(
                known, state="refused", values=now.values, message=message, holder=holder, retries=now.retries
            )
    return known


def _taken_over(known: FieldSettlement, now: Now) -> FieldSettlement:
    """Return a field after the CRM has taken over a value that it was told; later ones may still be on their way."""
    if now.crm == known.values.crm:
        return known
    is_its = [same(now.field, now.crm, offer) or is_cut(now.crm, offer) for offer in known.offers]
    if True not in is_its:
        return known
    first = is_its.index(True)
    count = first + len(list(takewhile(bool, is_its[first:])))
    return replace(known, base=BothValues(now.crm, known.offers[count - 1]), offers=known.offers[count:])


def _stays(known: FieldSettlement, now: Now) -> bool:
    """Return whether a field waits for a person who has not decided yet, whatever its rule says."""
    if known.values != now.values:
        return False
    if known.state == "refused":
        return now.retries <= known.retries
    return known.state == "conflict" and known.times > REPLACED_TIMES_MAX and now.take is None


def _decided(known: FieldSettlement, now: Now) -> FieldSettlement:
    """Return a field after a person's decision: only the side that was taken counts as changed."""
    if now.take is None:
        return known
    before = known.base if now.of(now.take) is None and known.base else BothValues()
    crm, quickbooks = (before.crm, now.quickbooks) if now.take == "crm" else (now.crm, before.quickbooks)
    return replace(known, base=BothValues(crm, quickbooks), overruled=None, times=0)


def _changed(known: FieldSettlement, now: Now) -> frozenset[Side]:
    """Return the sides whose values have changed since both agreed; both, if they never did."""
    if known.base is None:
        return frozenset({"crm", "quickbooks"})
    sides: tuple[Side, ...] = ("crm", "quickbooks")
    return frozenset(side for side in sides if now.of(side) != getattr(known.base, side))


def _agree(now: Now, changed: frozenset[Side]) -> bool:
    """Return whether both values are to stay: nothing changed, they are the same, or only their form changed.

    A side that always wins tells its new form to the other; the other side's form is its own affair.
    """
    if not changed or now.unfit is not None:
        return not changed
    is_told = len(changed) == 1 and now.rule in {"both", *changed}
    forms = (now.quickbooks, now.also_called or now.quickbooks)
    is_same = any(same(now.field, now.fitted, form) for form in forms)
    return now.fitted == now.quickbooks or (not is_told and is_same)


def _winner(
    known: FieldSettlement, now: Now, changed: frozenset[Side]
) -> Literal["crm", "quickbooks", "neither"] | None:
    """Return the side whose value wins; None for a conflict, `neither` if both values stay."""
    is_first = known.base is None
    if now.rule != "both":
        # Only a side that had a value can empty the other's.
        has_a_say = now.of(now.rule) is not None or (not is_first and now.rule in changed)
        return now.rule if has_a_say else "neither"
    if is_first and None in {now.crm, now.quickbooks}:
        return "quickbooks" if now.crm is None else "crm"
    return None if len(changed) > 1 else next(iter(changed))


def _counted(
    known: FieldSettlement, now: Now, winner: Side | None, changed: frozenset[Side]
) -> FieldSettlement:
    """Count how many times in a row a rule replaced the same new value of the other side."""
    loser: Side = "quickbooks" if winner == "crm" else "crm"
    on_its_way = known.state == ("to_quickbooks" if winner == "crm" else "to_crm")
    is_known = on_its_way and known.values == now.values
    if winner is None or now.rule == "both" or loser not in changed or is_known:
        return known
    again = known.overruled is not None and known.overruled == now.of(loser)
    return replace(known, overruled=now.of(loser), times=known.times + 1 if again else 1)


def _agreed(known: FieldSettlement, now: Now) -> Settled:
    """Take the values as they are; the CRM is told QuickBooks' once more if another value is still on its way to it."""
    field = replace(_plain(known, now), state="agreed", base=now.values)
    if known.offers and known.offers[-1] != now.quickbooks and now.may_tell:
        return Settled(_offered(field, now), is_told=True)
    return Settled(field)


def _to_quickbooks(known: FieldSettlement, now: Now) -> Settled:
    field = _plain(known, now)
    if now.unfit is not None:
        return Settled(replace(field, state="refused", message=now.unfit, retries=now.retries))
    return Settled(replace(field, state="to_quickbooks", alone=known.alone))


def _to_crm(known: FieldSettlement, now: Now, changed: frozenset[Side]) -> Settled:
    field = _plain(known, now)
    had_none = now.crm is None and known.values.crm is None
    overrules = now.take is not None or ("crm" in changed and not had_none)
    is_new = not known.offers or known.offers[-1] != now.quickbooks
    is_told = is_new or now.take is not None or (overrules and now.crm != known.values.crm)
    field = replace(field, state="to_crm")
    if same(
        now.field, now.fitted, now.quickbooks
    ):  # the CRM may keep its own form, and then sends no snapshot
        field = replace(field, state="agreed", base=now.values)
    return Settled(_offered(field, now) if is_told else field, is_told, is_told and overrules)


def _plain(known: FieldSettlement, now: Now) -> FieldSettlement:
    """Return a field with the present values, and nothing of its last update."""
    return replace(known, values=now.values, alone=False, message=None, holder=None)


def _offered(field: FieldSettlement, now: Now) -> FieldSettlement:
    others = field.offers[:-1] if field.offers and field.offers[-1] == now.quickbooks else field.offers
    return replace(field, offers=(*others, now.quickbooks)[-OFFERS_MAX:])
