"""Compute from the counts whether DocuSign's messages are accepted, and if not, why and since when; a pure function."""

from datetime import datetime, timedelta

from events.contract.docusign import DocusignReceptionChanged
from worker.docusign.reception import ACCEPTED, COMPLETED, OF_KEYS, SIGNED, UNFINISHED, Counts

SILENCE = timedelta(days=7)
# DocuSign sends a recipient's message and the envelope's own within moments of each other.
COMPLETION_FOLLOWS_WITHIN = timedelta(hours=1)
# By default, an unsigned envelope expires after 120 days.
REMEMBERED = timedelta(days=120)
# Messages that may belong to no deal, such as those without a deal's ID, are only dead letters.
_SAID_OF_MESSAGES = ("too_large", "format_unsupported", "envelope_data_missing")
GOOD = DocusignReceptionChanged("good")


def judge(
    counts: Counts, *, keys: int, out_since: datetime | None, now: datetime
) -> DocusignReceptionChanged:
    """Return the state of reception in one workspace.

    Args:
        counts: The workspace's messages by outcome.
        keys: The number of its keys.
        out_since: Since when a contract has been out for signature; none if no contract is.
        now: The current instant.
    """
    refusing = _refusing(counts, now)
    if refusing is not None:
        return refusing
    incomplete = _incomplete_since(counts, out_since, now)
    if incomplete is not None:
        return DocusignReceptionChanged("incomplete", "completed_missing", incomplete)
    silent = _silent_since(counts, keys, out_since)
    if silent is not None and now - silent >= SILENCE:
        return DocusignReceptionChanged("silent", "silent", silent)
    return GOOD


def _refusing(counts: Counts, now: datetime) -> DocusignReceptionChanged | None:
    """Return why messages are refused: the latest problem with keys, otherwise the oldest problem with messages."""
    going_on = {reason: count for reason, count in counts.items() if count.since is not None}
    of_keys = [(count.last_at, reason) for reason, count in going_on.items() if reason in OF_KEYS]
    if of_keys:
        reason = max(of_keys)[1]
        return DocusignReceptionChanged("refusing", reason, going_on[reason].since)
    of_messages = [
        (count.since, reason)
        for reason, count in going_on.items()
        if count.since is not None and reason in _SAID_OF_MESSAGES and now - count.last_at < REMEMBERED
    ]
    if not of_messages:
        return None
    since, reason = min(of_messages)
    return DocusignReceptionChanged("refusing", reason, since)


def _incomplete_since(counts: Counts, out_since: datetime | None, now: datetime) -> datetime | None:
    """Return since when messages report every event except completed envelopes."""
    unfinished, accepted = counts.get(UNFINISHED), counts.get(ACCEPTED)
    if unfinished and unfinished.since and now - unfinished.since >= COMPLETION_FOLLOWS_WITHIN:
        return unfinished.since
    if accepted is None or out_since is None or COMPLETED in counts:
        return None
    since = max(accepted.first_at, out_since)
    return accepted.first_at if now - since >= SILENCE and now - accepted.last_at < SILENCE else None


def _silent_since(counts: Counts, keys: int, out_since: datetime | None) -> datetime | None:
    """Return since when no message has come, if DocuSign is in use and a contract is out."""
    came = [counts[outcome].last_at for outcome in (ACCEPTED, SIGNED) if outcome in counts]
    if out_since is None or not (keys or came):
        return None
    return max([out_since, *came])
