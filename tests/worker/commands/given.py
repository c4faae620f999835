"""Commands and their outcomes for tests."""

from datetime import UTC, datetime

from events.contract import catalog
from events.contract.administration import ConnectionExpired
from events.contract.envelope import Event, own_event
from worker.commands import outcomes
from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.commands.identity import CommandKey, request_id

TIMING = Timing(request_seconds=10, settle_seconds=20)
START = datetime(2026, 5, 5, 6, 55, tzinfo=UTC)  # five minutes before the companies' midnight
BODY = '{"Line":[]}'


def claimed_of(realm: str, number: int) -> Claimed:
    key = CommandKey(f"w{realm}", f"deal/D-{number}", "create_invoice", 0, 1)
    return Claimed(
        key, request_id(realm, key), realm, "a", BODY, "c", START, START, 1, 1, False, None, None, None
    )  # fmt: skip


def outcome(command: Claimed, now: datetime, *, done: bool) -> Event:
    if done:
        references = {"CustomerRef": {"value": "1"}, "CurrencyRef": {"value": "USD"}}
        entity = {"Id": "7", "TotalAmt": "0", "TxnDate": "2026-05-05", **references}
        return outcomes.succeeded(command, entity, now, adopted=False)
    return outcomes.rejected(command, now, gate="rejected_by_quickbooks", message="no")


def expired(command: Claimed, now: datetime) -> Event:
    return own_event(
        catalog.CONNECTION_EXPIRED,
        ConnectionExpired(command.realm, now, "cut off"),
        workspace=command.key.workspace,
        source=outcomes.SOURCE,
        time=now,
        id=f"{command.request_id}:expired:{command.attempts}",
    )
