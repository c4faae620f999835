"""Every gate of an invoice in one order, and the pure functions that check them, for decisions and for `explain`."""

from collections.abc import Iterator

from events.contract.gates import IN_PROGRESS
from worker.quote_to_cash.company import gates as company
from worker.quote_to_cash.customers import gates as customers
from worker.quote_to_cash.deal import gates as deals
from worker.quote_to_cash.gates import Checked, Gate
from worker.quote_to_cash.inquiry import Inquiry, has_arrived
from worker.quote_to_cash.invoice import amounts
from worker.quote_to_cash.invoice import gates as invoice
from worker.quote_to_cash.invoice.batch import BATCH
from worker.quote_to_cash.items import gates as items
from worker.quote_to_cash.keys import ReadThrough
from worker.quote_to_cash.readings import gates as readings

MAPPED = (*customers.GATES, *items.GATES)
# A person reads the first unmet gate, so gates that need an action come before gates that open by themselves.
GATES: tuple[Gate, ...] = (
    *deals.WON,
    *deals.ALLOWED,
    *deals.QUOTE,
    *amounts.GATES,
    *deals.KINDS_OF_DEAL,
    *MAPPED,
    *invoice.TAKEN,
    *company.GATES,
    *readings.GATES,
    customers.CREATED,
    items.CREATED,
)
# The gates of a commanded invoice.
COMMANDED: tuple[Gate, ...] = (
    *invoice.REFUSED,
    *invoice.STOPPED,
    *invoice.UNSENT,
    invoice.UNCERTAIN,
    invoice.CREATED,
)
BY_CODE = {gate.code: gate for gate in (*GATES, BATCH, *COMMANDED)}


def gates_of(inquiry: Inquiry) -> list[Checked]:
    """Return the checked gates of an invoice; once it is commanded, only the gates of its command."""
    return list(_walk(inquiry))


def unmet_gates(inquiry: Inquiry) -> list[Checked]:
    """Return the unmet gates of an invoice; none if it can be commanded now."""
    return [gate for gate in _walk(inquiry) if not gate.met]


def unmet_before_winning(inquiry: Inquiry) -> list[Checked]:
    """Return the unmet gates of winning a deal, which come before all gates of its invoice."""
    return [gate for gate in _checked(deals.WON, inquiry) if not gate.met]


def unmet_and_keys(inquiry: Inquiry) -> tuple[list[Checked], tuple[str, ...]]:
    """Return the unmet gates of an invoice, and the keys on which its gates depend, beside the deal itself.

    A change of any other key neither changes the first unmet gate nor opens an unmet gate. So these are the keys that the
    gates up to the first unmet one read, and each unmet gate after it.
    """
    read = ReadThrough(inquiry.view)
    unmet: list[Checked] = []
    keys: dict[str, None] = {}
    for gate in _walk(inquiry.through(read)):
        if gate.met:
            continue
        if unmet:
            # Checked again with a fresh inquiry: an inquiry reads each state only once.
            alone = ReadThrough(inquiry.view)
            gate.gate.checked(inquiry.through(alone))
            keys |= alone.keys
        else:
            keys |= read.keys
        unmet.append(gate)
    own = f"deal/{inquiry.deal_id}"
    return unmet, tuple(key for key in (keys if unmet else read.keys) if key != own)


def passes_by_itself(gates: list[Checked]) -> bool:
    """Return whether the invoice is being created, so that no person has to act."""
    return gates[0].code == IN_PROGRESS


def _walk(inquiry: Inquiry) -> Iterator[Checked]:
    own = invoice.progress(inquiry)
    if all(gate.met for gate in own):
        met = True
        for found in _checked(GATES, inquiry):
            met = met and found.met
            yield found
        # Only a deal that is ready waits for a batch: a batch wakes every deal that does.
        yield from _checked((BATCH,), inquiry) if met else ()
    else:
        yield from _found_out(inquiry)
    yield from own


def _checked(gates: tuple[Gate, ...], inquiry: Inquiry) -> Iterator[Checked]:
    return (found for gate in gates if (found := gate.checked(inquiry)) is not None)


def _found_out(inquiry: Inquiry) -> list[Checked]:
    """Return the unmet gates of a refused invoice's customer and items: they may be why QuickBooks refused it."""
    attempt = inquiry.part.attempt
    if not has_arrived(inquiry) or attempt is None or attempt.status != "rejected":
        return []
    return [gate for gate in _checked(MAPPED, inquiry) if not gate.met]
