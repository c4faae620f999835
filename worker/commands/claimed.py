"""A command as a dispatcher holds it."""

from datetime import datetime

from msgspec import Struct

from worker.commands.identity import CommandKey


class Earlier(Struct, frozen=True):
    """A command of an earlier generation for the same: what it sent, or would have, however it ended."""

    request_id: str
    body: str
    cause_at: datetime


class Claimed(Struct, frozen=True):
    """A command that this worker may work on while its lease lasts.

    Attributes:
        created_at: When it was decided.
        first_sent_at: When it was first about to be sent, before this claim.
        last_sent_at: When it was last, before this claim.
        refused_since: Its realm's: since when QuickBooks has taken no token, however fresh.
        gate: Its realm's: what QuickBooks refuses all of it for.
        gate_since: Since when.
        sends: How many times it was sent, before this claim, with an outcome that was not known.
        look_ups: How many times in a row QuickBooks did not say whether it has it.
        problem: What a person was told last.
        named_id: The id of the invoice that it made, by a person's word.
        earlier: Those of earlier generations for the same.
        noted_at: When it was written down, with the claim, that it is about to be sent now; None if it is not to be
            sent straight away.
    """

    key: CommandKey
    request_id: str
    realm: str
    holder: str
    body: str
    cause_id: str
    cause_at: datetime
    created_at: datetime
    attempts: int
    fence: int
    uncertain: bool
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    refused_since: datetime | None
    gate: str | None = None
    gate_since: datetime | None = None
    sends: int = 0
    look_ups: int = 0
    problem: str | None = None
    named_id: str | None = None
    earlier: tuple[Earlier, ...] = ()
    noted_at: datetime | None = None
