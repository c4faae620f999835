"""Subscribe the worker to the sandbox's webhooks, and check that each change in QuickBooks reached the log as a notice."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct

from events.clock import Clock
from events.contract import catalog, json
from events.contract.quickbooks import Changed
from events.log.tables import log
from worker.sandbox.service import Sandbox
from worker.sandbox.webhooks.quickbooks import is_announced
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription

# After a kill, the sandbox tries again after 10, 20 and 30 s, as Intuit does.
DELIVERY_SECONDS_MAX = 90.0
POLL_SECONDS = 0.1
PROBLEMS_MAX = 5


class Noticing(Struct, frozen=True):
    """The subscription to a sandbox's webhooks: its number, and how far each company's journal was when it began."""

    number: int
    since: dict[str, int]


def subscribe(sandbox: Sandbox, url: str) -> Noticing:
    """Have the sandbox send its notices to the worker at a URL."""
    since = {realm: len(company.journal) for realm, company in sandbox.companies.items()}
    return Noticing(sandbox.deliveries.subscribe(QuickBooksSubscription(f"{url}/webhooks/quickbooks")), since)


async def wait_until_delivered(sandbox: Sandbox, noticing: Noticing, clock: Clock) -> None:
    """Wait until the worker has acknowledged every notice, for some time at most; what is missing is a problem then."""
    until = clock.monotonic() + DELIVERY_SECONDS_MAX
    while clock.monotonic() < until:
        sandbox.deliveries.read()
        shown = sandbox.deliveries.shown(noticing.number)
        if not shown["waiting"] and all(sent["state"] == "acknowledged" for sent in shown["log"]):
            return
        await clock.sleep(POLL_SECONDS)


def read(connection: sa.Connection, workspace: str) -> list[Changed]:
    """Return the notices in a workspace's log, in order."""
    rows = connection.scalars(
        sa.select(log.c.data)
        .where(log.c.workspace == workspace, log.c.type == catalog.QUICKBOOKS_CHANGED)
        .order_by(log.c.position)
    )
    return [json.decode(data, Changed) for data in rows]


def problems(sandbox: Sandbox, noticing: Noticing, notices: Sequence[Changed]) -> Iterator[str]:
    """Yield changes that the log has no notice of, and notices of no change."""
    noticed = set(notices)
    changed = {
        Changed(realm, change.entity, change.identifier, change.operation, change.at)
        for realm, since in noticing.since.items()
        for change in sandbox.companies[realm].journal.after(since)
        if is_announced(change)
    }
    yield from _sentences("The log has no notice of {}", changed - noticed)
    yield from _sentences("The log has a notice of a change that did not happen: {}", noticed - changed)
    if len(noticed) < len(notices):
        yield f"{len(notices) - len(noticed)} changes are in the log twice"


def _sentences(sentence: str, changes: set[Changed]) -> Iterator[str]:
    for each in sorted(changes, key=lambda change: change.at)[:PROBLEMS_MAX]:
        yield sentence.format(f"{each.operation} of {each.entity} {each.entity_id}")
