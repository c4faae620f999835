"""A command that a dispatcher has claimed."""

from datetime import datetime

from msgspec import Struct

from worker.commands.identity import CommandKey


class Earlier(Struct, frozen=True):
    """An earlier generation of a command, with the body that it sent or would have sent, whatever its outcome."""

    request_id: str
    body: str
    cause_at: datetime


class Claimed(Struct, frozen=True):
    """A command that this dispatcher may attempt while its lease lasts.

    Attributes:
        created_at: When it was decided.
        first_sent_at: When its first send began, before this claim.
        last_sent_at: When its last send began, before this claim.
        refused_since: Since when QuickBooks has refused every access token of its realm, however fresh.
        gate: The gate at which all of its realm stands, because QuickBooks refuses every request for it.
        gate_since: Since when its realm stands at this gate.
        sends: How many times it was sent with an unknown outcome, before this claim.
        look_ups: How many look-ups or readings in a row had no answer.
        problem: The last problem that was shown to a person.
        named_id: The ID of the invoice that it created, as a person stated it.
        earlier: Its earlier generations.
        paused_until: The end of its realm's last pause, if no command of the realm has had an outcome since.
        paused_since: The begin of that pause.
        noted_at: When the claim stored that the command is sent now; None if it is not sent without a look-up.
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
    paused_until: datetime | None = None
    paused_since: datetime | None = None

    @property
    def paused_seconds(self) -> float | None:
        """The length of that pause, after which this command tries alone whether QuickBooks serves the realm again."""
        if self.paused_until is None or self.paused_since is None:
            return None
        return max(0.0, (self.paused_until - self.paused_since).total_seconds())
