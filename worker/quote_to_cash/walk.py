"""Every gate of an invoice in one order, and how a deal stands at them: pure, and the same for `explain`."""

from collections.abc import Iterator

from events.contract.gates import IN_PROGRESS
from worker.quote_to_cash.company import gates as company
from worker.quote_to_cash.customers import gates as customers
from worker.quote_to_cash.deal import gates as deals
from worker.quote_to_cash.gates import Checked, Gate
from worker.quote_to_cash.inquiry import Inquiry, has_arrived
from worker.quote_to_cash.invoice import amounts
from worker.quote_to_cash.invoice import gates as invoice
from worker.quote_to_cash.items import gates as items
from worker.quote_to_cash.keys import ReadThrough
from worker.quote_to_cash.readings import gates as readings

MAPPED = (*customers.GATES, *items.GATES)
# A person reads the first that is unmet: what they can do something about comes before what passes by itself.
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
)
# What a command for the invoice meets, once there is one.
COMMANDED: tuple[Gate, ...] = (
    *invoice.REFUSED,
    *invoice.STOPPED,
    *invoice.UNSENT,
    invoice.UNCERTAIN,
    invoice.CREATED,
)
BY_CODE = {gate.code: gate for gate in (*GATES, *COMMANDED)}


def gates_of(inquiry: Inquiry) -> list[Checked]:
    """Return the gates that matter now, as they stand: once commanded, only what became of the command."""
    return list(_walk(inquiry))


def unmet_gates(inquiry: Inquiry) -> list[Checked]:
    """Return the gates that an invoice waits on; none if it is to be requested now."""
    return [gate for gate in _walk(inquiry) if not gate.met]


def unmet_before_winning(inquiry: Inquiry) -> list[Checked]:
    """Return the gates that a deal waits on before anything of its invoice matters."""
    return [gate for gate in _checked(deals.WON, inquiry) if not gate.met]


def depends_on(inquiry: Inquiry) -> tuple[str, ...]:
    """Return the keys on which the gates of an invoice depend, beside the deal itself.

    A change of any other key leaves the first unmet gate as it is, and opens none of the unmet ones. So these are the
    keys that are read for the gates as far as the first unmet one, and for each unmet one after it.
    """
    view, deal_id, number = inquiry.view, inquiry.deal_id, inquiry.number
    read = ReadThrough(view)
    walk = _walk(Inquiry(read, deal_id, number))
    first = next((gate for gate in walk if not gate.met), None)
    keys = dict(read.keys)
    for later in walk:
        if first is not None and not later.met:
            # Checked again with a fresh inquiry: an inquiry reads each state only once.
            alone = ReadThrough(view)
            later.gate.checked(Inquiry(alone, deal_id, number))
            keys |= alone.keys
    return tuple(key for key in keys if key != f"deal/{deal_id}")


def passes_by_itself(gates: list[Checked]) -> bool:
    """Say whether the invoice is being created, which asks nobody for anything."""
    return gates[0].code == IN_PROGRESS


def _walk(inquiry: Inquiry) -> Iterator[Checked]:
    own = invoice.progress(inquiry)
    if all(gate.met for gate in own):
        yield from _checked(GATES, inquiry)
    else:
        yield from _found_out(inquiry)
    yield from own


def _checked(gates: tuple[Gate, ...], inquiry: Inquiry) -> Iterator[Checked]:
    return (found for gate in gates if (found := gate.checked(inquiry)) is not None)


def _found_out(inquiry: Inquiry) -> list[Checked]:
    """Return what is wrong by now with what a refused invoice refers to; it may be why it was refused."""
    attempt = inquiry.part.attempt
    if not has_arrived(inquiry) or attempt is None or attempt.status != "rejected":
        return []
    return [gate for gate in _checked(MAPPED, inquiry) if not gate.met]
