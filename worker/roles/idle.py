"""Check whether the system is idle: Kafka is read, every subscription is at the head, nothing is due, all is sent."""

import sqlalchemy as sa
from msgspec import Struct

from events.log import log, subscriptions
from worker.commands.freezing import can_be_dated
from worker.commands.table import commands, is_open, its_company, realms
from worker.quote_to_cash import reconsiderations
from worker.services import SUBSCRIPTIONS, Services
from worker.suggesting import portions
from worker.sync import measuring

POLL_SECONDS = 0.1


class Idleness(Struct, frozen=True):
    """Whether the system is idle; if not, `waiting_for` describes the work that is due."""

    idle: bool
    position: int
    waited_s: float
    waiting_for: str | None = None


async def wait_until_idle(services: Services, timeout_seconds: float) -> Idleness:
    """Wait until the system is idle, at most `timeout_seconds`."""
    started = services.clock.monotonic()
    while True:
        position, waiting_for = await services.database.read(left_to_do)
        if waiting_for is None:
            waiting_for = await services.database.read(measuring.left_to_do, services.clock.now())
        if waiting_for is None and services.environment.kafka_url is not None:
            waiting_for = await _left_in_kafka(services)
        waited = services.clock.monotonic() - started
        if waiting_for is None or waited >= timeout_seconds:
            return Idleness(waiting_for is None, position, round(waited, 3), waiting_for)
        await services.clock.sleep(POLL_SECONDS)


async def _left_in_kafka(services: Services) -> str | None:
    """Return the work that is left with Kafka: messages to read or to send; None if there is none."""
    from worker.kafka import cluster, positions  # noqa: PLC0415 - only with Kafka
    from worker.roles import relay  # noqa: PLC0415 - only with Kafka

    found = await positions.positions(services.environment, services.database)
    behind = {(at.topic, at.partition): at.next_offset for at in found if at.lag}
    if behind and await cluster.has_messages(services.environment, behind):
        return f"{sum(at.lag for at in found)} messages to be read from Kafka"
    unsent = await services.database.read(relay.behind)
    return f"{', '.join(unsent)} to reach the end" if unsent else None


def left_to_do(connection: sa.Connection) -> tuple[int, str | None]:
    """Return the head of the log, and the work that is left.

    Commands of a realm that is paused, no longer connected, or refused by QuickBooks wait for a person, and so do invoices
    without a time zone; they are not due.
    """
    head = log.head(connection)
    checkpoints = subscriptions.checkpoints(connection)
    behind = [s.name for s in SUBSCRIPTIONS if checkpoints.get(s.name, 0) < head]
    if behind:
        return head, f"{', '.join(behind)} to reach position {head}"
    if changed := reconsiderations.workspaces(connection):
        return head, f"{', '.join(changed)} to reconsider changes"
    if compared := portions.workspaces(connection):
        return head, f"{', '.join(compared)} to compare accounts and products with QuickBooks"
    due = connection.scalar(
        sa.select(sa.func.count())
        .select_from(commands.join(realms, its_company()))
        .where(is_open(), realms.c.connected, ~realms.c.paused)
        .where(realms.c.gate.is_(None), can_be_dated())
    )
    return head, f"{due} commands to be done" if due else None
