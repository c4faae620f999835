"""The sentences of unmet gates, made where they are shown: events and read models carry codes and parameters."""

from msgspec.structs import asdict

from events.contract import json
from events.contract.announcements import HeldGate, UnmetGate
from events.contract.gates import Words
from projections.queries import Row
from worker.quote_to_cash.walk import BY_CODE

_OF_ANOTHER_VERSION = Words(
    "The deal was held by another version of the worker, at a gate that this version does not have.",
    "Explain the deal: an explanation checks the gates of this version.",
)


def spoken(unmet: UnmetGate) -> HeldGate:
    """Return an unmet gate with its reason and its remedy."""
    gate = BY_CODE.get(unmet.gate)
    words = gate.words_of(unmet.case) if gate else _OF_ANOTHER_VERSION
    return HeldGate(
        unmet.gate,
        unmet.action,
        unmet.case,
        unmet.params,
        unmet.about,
        reason=words.reason_with(unmet.params),
        remedy=words.remedy,
    )


def spoken_row(row: Row) -> Row:
    """Return a deal's row with the sentences of its gates; its `reason` and `remedy` are the first unmet gate's."""
    gates = [spoken(gate) for gate in json.convert(row["gates"], tuple[UnmetGate, ...])]
    first = gates[0] if gates else None
    return {
        **row,
        "reason": first.reason if first else None,
        "remedy": first.remedy if first else None,
        "gates": [asdict(gate) for gate in gates],
    }
