"""The gate of batches: if the workspace syncs hourly or daily, an invoice waits for the next batch.

The deal records the batch that it waits for. If many deals wait, they are invoiced in portions after the batch was due; a deal
that becomes ready meanwhile has recorded a later batch, and is not invoiced with this one.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from events.contract.gates import Words
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry
from worker.sync.schedule import next_due

BATCH_NOT_DUE = "batch_not_due"


def _is_due(inquiry: Inquiry) -> bool | Unmet:
    settings, since = inquiry.settings, inquiry.workspace.batches_since
    frequency, zone = settings.sync_frequency, settings.time_zone
    if since is None or zone is None:
        return True  # the sync was always in real time; gates before this one need the time zone
    due = next_due(frequency, zone, since)
    if due is None or _is_by_hand(inquiry):
        return True
    waited_for = next((gate.params for gate in inquiry.part.unmet if gate.gate == BATCH_NOT_DUE), None)
    if waited_for is not None and waited_for["frequency"] == frequency:
        has_begun = datetime.fromisoformat(waited_for["at"]) <= since
        if has_begun:
            return inquiry.in_batch or Unmet(waited_for)
    shown = f"{due.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    return Unmet({"frequency": frequency, "at": due.isoformat(), "local": shown, "time_zone": zone})


def _is_by_hand(inquiry: Inquiry) -> bool:
    """Return whether a person's request for the invoice is still to be answered."""
    attempt = inquiry.part.attempt
    return inquiry.part.requests > (attempt.asked if attempt else 0)


BATCH = Gate(
    BATCH_NOT_DUE,
    _is_due,
    Words(
        "The invoice is sent with the next batch ({frequency}), at {local} ({time_zone}).",
        "Nothing to do. To send it at once, request this invoice by hand.",
    ),
    depends_on=("workspace", "clock"),
    given=lambda inquiry: inquiry.part.invoice is None,
)
